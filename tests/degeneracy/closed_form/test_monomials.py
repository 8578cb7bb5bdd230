from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.special import gamma, gammainc

from ntadyn.degeneracy.closed_form import (
    Exact,
    ProductOfPowers,
    localised_line,
    localised_monomial,
    monomial,
    on_box,
    regular,
    scaled_ball,
)

HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)


def asymmetric(w):
    return w**2 * (1 + w)


@pytest.mark.parametrize(
    ("powers", "expected"),
    [
        ((1,), Exact(HALF, 1)),
        ((2,), Exact(QUARTER, 1)),
        ((3,), Exact(Fraction(1, 6), 1)),
        ((1, 1), Exact(HALF, 2)),
        ((1, 2), Exact(QUARTER, 1)),
        ((2, 2), Exact(QUARTER, 2)),
        ((0, 2, 1, 2), Exact(QUARTER, 2)),
    ],
)
def test_the_largest_power_decides(powers, expected):
    assert monomial(*powers) == expected


def test_coefficients_of_independent_losses_add_up():
    assert monomial(1, 1) + monomial(2, 2) + regular(3) == Exact(Fraction(9, 4), 3)


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        (on_box(1, 1), {1e1: 0.26560, 1e2: 0.34776, 1e3: 0.38728, 1e4: 0.41051, 1e6: 0.43662, 1e8: 0.45094}),
        (on_box(1, 2), {1e2: 0.20428, 1e4: 0.23715, 1e6: 0.24607}),
        (scaled_ball(2), {1e2: 0.47010, 1e4: 0.49716, 1e6: 0.49972}),
    ],
)
def test_energies_at_finite_temperature_have_their_known_values(product, expected):
    found = [product.finite_temperature(t) for t in expected]
    np.testing.assert_allclose(found, list(expected.values()), atol=5.1e-6)


def by_incomplete_gamma(k1, k2, t):
    """The second parameter integrated out: int_0^1 w^n exp(-s w^(2 k)) dw is an incomplete gamma function."""

    def inner(log_size, order):
        scale, a = t * np.exp(2 * k1 * log_size), 1 / (2 * k2) + order
        return np.exp(log_size) * gamma(a) * gammainc(a, scale) * scale ** (order - a)

    peak = -np.log(t) / (2 * k1)
    pieces = [(-60.0, peak - 4), (peak - 4, peak), (peak, 0.0)]
    integral = [sum(quad(inner, *ends, args=(n,), epsabs=0, epsrel=1e-11)[0] for ends in pieces) for n in (0, 1)]
    return integral[1] / integral[0]


def by_grid(loss, t):
    """Gauss-Legendre on [0, 1]^2 in the logarithm of both parameters."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    logs = (np.arange(-40, 0)[:, None] + (nodes + 1) / 2).ravel()
    mass = np.exp(logs) * np.tile(weights, 40)
    size = np.exp(logs)
    energy = t * loss(size[:, None], size[None, :])
    weight = mass[:, None] * mass[None, :] * np.exp(-energy)
    return np.sum(weight * energy) / np.sum(weight)


@pytest.mark.parametrize(("t", "expected"), [(1e2, 0.136783358), (1e4, 0.175583023), (1e6, 0.194576734)])
def test_the_fourth_power_of_a_product_by_three_routes(t, expected):
    assert on_box(2, 2).finite_temperature(t) == pytest.approx(expected, abs=1e-9)
    assert by_incomplete_gamma(2, 2, t) == pytest.approx(expected, abs=1e-9)
    assert by_grid(lambda x, y: x**4 * y**4, t) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("powers", [(1, 1), (1, 2), (2, 1), (3, 2)])
def test_energies_agree_with_an_incomplete_gamma_integral(powers):
    k1, k2 = powers
    for t in (0.5, 30.0, 1e5):
        assert on_box(k1, k2).finite_temperature(t) == pytest.approx(by_incomplete_gamma(k1, k2, t), abs=1e-9)


def test_a_ball_agrees_with_a_quadrature_over_scale_and_radius():
    for t in (3.0, 1e3):
        energies = by_grid(lambda a, area: a**2 * area, t)  # the area below a radius is uniform
        assert scaled_ball(2).finite_temperature(t) == pytest.approx(energies, abs=1e-9)


def test_energies_approach_the_coefficient_as_one_over_the_logarithm():
    t = 1e60
    for product in (on_box(1, 1), on_box(2, 2), on_box(1, 1, 1), on_box(1, 2)):
        exact = product.exact()
        expected = float(exact.coefficient) - (exact.multiplicity - 1) / np.log(t)
        assert product.finite_temperature(t) == pytest.approx(expected, abs=4e-4)


@pytest.mark.parametrize(
    ("cutoff", "slope", "hill"),
    [(1e-2, 0.34860, 0.38379), (1e-4, 0.41080, 0.42430), (1e-6, 0.43677, 0.44387), (1e-8, 0.45103, None)],
)
def test_volumes_of_a_crossing(cutoff, slope, hill):
    product, depth = on_box(1, 1), np.log(cutoff) / -2
    assert product.volume_slope(cutoff) == pytest.approx(slope, abs=5.1e-6)
    assert product.volume_slope(cutoff) == pytest.approx(depth / (2 * (1 + depth)), rel=1e-12)
    assert product.hill(cutoff) == pytest.approx((1 + depth) / (2 * (2 + depth)), rel=1e-12)
    assert hill is None or product.hill(cutoff) == pytest.approx(hill, abs=5.1e-6)


@pytest.mark.parametrize("product", [on_box(1, 2), on_box(3, 1, 1), scaled_ball(5)])
def test_slopes_and_hill_values_are_those_of_the_volume(product):
    cutoff, step = 1e-3, 1e-4
    above, below = (product.volume(cutoff * np.exp(sign * step)) for sign in (1, -1))
    assert product.volume_slope(cutoff) == pytest.approx(np.log(above / below) / (2 * step), rel=1e-7)
    mean_log = quad(lambda s: product.volume(cutoff * np.exp(-s)), 0, 200, epsrel=1e-11, limit=200)[0]
    assert product.hill(cutoff) == pytest.approx(product.volume(cutoff) / mean_log, rel=1e-8)


def test_a_volume_is_the_share_of_points_below_the_cutoff():
    points = np.random.default_rng(0).uniform(-1, 1, (400_000, 2))
    share = np.mean(points[:, 0] ** 2 * points[:, 1] ** 4 < 1e-2)
    assert on_box(1, 2).volume(1e-2) == pytest.approx(share, abs=4 * np.sqrt(share / 400_000))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_pure_power_on_the_line_has_its_coefficient_at_every_temperature(k):
    for t in (1.0, 1e3, 1e9):
        found = localised_line(lambda w: w ** (2 * k), t, 0.0, (-20.0, 30.0))
        assert found == pytest.approx(1 / (2 * k), abs=1e-9)


def test_a_gaussian_neighbourhood_of_a_crossing():
    assert localised_monomial(1, 1, 1e4, 1.0) == pytest.approx(0.4123, abs=5e-5)
    assert localised_monomial(1, 2, 1e2, 1.0) == pytest.approx(0.2057, abs=5e-5)


@pytest.mark.parametrize(("power", "t", "localisation"), [(1, 1e4, 1.0), (2, 1e2, 1.0), (2, 1e5, 30.0), (3, 5.0, 0.1)])
def test_a_gaussian_neighbourhood_agrees_with_the_square_integrated_out(power, t, localisation):
    def curvature(w):
        return 2 * t * w ** (2 * power)

    def weight(w):
        return np.exp(-localisation / 2 * w**2) / np.sqrt(localisation + curvature(w))

    def energy(w):
        return weight(w) * curvature(w) / (2 * (localisation + curvature(w)))

    ends = np.concatenate([[0.0], np.logspace(-6, np.log10(12 / np.sqrt(localisation)), 12)])
    total, mass = (
        sum(quad(f, *pair, epsabs=0, epsrel=1e-11)[0] for pair in zip(ends, ends[1:], strict=False))
        for f in (energy, weight)
    )
    for order in ((1, power), (power, 1)):
        assert localised_monomial(*order, t, localisation) == pytest.approx(total / mass, abs=1e-8)


@pytest.mark.parametrize(("t", "localisation"), [(1e2, 1.0), (1e3, 0.0), (1e3, 100.0)])
def test_an_asymmetric_loss_agrees_with_adaptive_quadrature(t, localisation):
    def weight(w):
        return np.exp(-t * asymmetric(w) - localisation / 2 * w**2)

    mass = quad(weight, -0.5, 0.5, points=[0.0], epsabs=0, epsrel=1e-12)[0]
    total = quad(lambda w: t * asymmetric(w) * weight(w), -0.5, 0.5, points=[0.0], epsabs=0, epsrel=1e-12)[0]
    found = localised_line(asymmetric, t, localisation, (-0.5, 0.5))
    assert found == pytest.approx(total / mass, abs=1e-9)


def test_an_asymmetric_loss_is_told_from_its_symmetric_part():
    # To first order in 1/t the cubic term c w^3 of w^2 + c w^3 adds 15 c^2 / (16 t).
    for t in (1e3, 1e4):
        found = localised_line(asymmetric, t, 0.0, (-0.5, 0.5))
        assert (found - 0.5) * t == pytest.approx(15 / 16, rel=20 / t)


def test_energies_of_independent_losses_add_up():
    t, localisation, ends = 40.0, 2.0, (-0.5, 0.5)

    def weight(y, x):
        return np.exp(-t * (x**4 + asymmetric(y)) - localisation / 2 * (x**2 + y**2))

    mass = dblquad(weight, *ends, *ends, epsabs=1e-10)[0]
    total = dblquad(lambda y, x: t * (x**4 + asymmetric(y)) * weight(y, x), *ends, *ends, epsabs=1e-10)[0]
    apart = sum(localised_line(loss, t, localisation, ends) for loss in (lambda x: x**4, asymmetric))
    assert total / mass == pytest.approx(apart, abs=1e-6)


def test_a_point_off_zero_is_the_point_that_the_loss_is_measured_from():
    moved = localised_line(lambda w: 7.0 + asymmetric(w - 3.0), 1e3, 5.0, (2.5, 3.5), centre=3.0)
    assert moved == pytest.approx(localised_line(asymmetric, 1e3, 5.0, (-0.5, 0.5)), abs=1e-10)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda: monomial(), "powers are"),
        (lambda: monomial(0, 0), "powers are"),
        (lambda: monomial(1, -1), "powers are"),
        (lambda: ProductOfPowers(()), "at least one"),
        (lambda: scaled_ball(0), "positive rate"),
        (lambda: on_box(1).finite_temperature(0.0), "inverse temperature is 0.0"),
        (lambda: on_box(1).finite_temperature(float("nan")), "inverse temperature is nan"),
        (lambda: on_box(1).volume(1.5), "cutoff is 1.5"),
        (lambda: on_box(1, 1).hill(0.0), "cutoff is 0.0"),
        (lambda: localised_line(asymmetric, 1.0, -1.0, (-1.0, 1.0)), "localisation must be 0 or more"),
        (lambda: localised_line(asymmetric, 1.0, 1.0, (0.0, 1.0)), "centre inside the interval"),
        (lambda: localised_monomial(0, 1, 1.0, 1.0), "powers of one or more"),
        (lambda: localised_monomial(1, 1, 1.0, 0.0), "positive localisation"),
        (lambda: Exact(Fraction(-1), 1), "coefficient is 0 or more"),
        (lambda: Exact(Fraction(1), 0), "multiplicity 1 or more"),
    ],
)
def test_what_has_no_answer_is_refused(refused, words):
    with pytest.raises(ValueError, match=words):
        refused()
