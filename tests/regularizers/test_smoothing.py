"""Smoothed penalties: definitions, derivatives, convergence to the kinked originals, and what they refuse."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.regularizers import (
    L1,
    L2,
    ColumnL1,
    ColumnL2,
    Nonnegativity,
    Sum,
    UnitL1Norm,
    UnitL2Norm,
    Zero,
    from_relative_weights,
    smoothed,
)
from ntadyn.regularizers.penalty import AbstractPenalty
from tests.regularizers.problems import branch_gradient, central_differences, energy, gradient, off_the_kinks, proximal

KINDS = [
    (Nonnegativity, (4,)),
    (UnitL1Norm, (4,)),
    (L1, (4,)),
    (L2, (4,)),
    (ColumnL1, (2, 3, 4)),
    (ColumnL2, (2, 3, 4)),
]
every_kind = pytest.mark.parametrize(("kind", "shape"), KINDS)

# Each kind once more, in NumPy and from its definition.
DEFINITIONS = {
    Nonnegativity: lambda k, w, c: k * w * np.sum(np.logaddexp(0, -c / w)),
    UnitL1Norm: lambda k, w, c: k / 2 * (np.sum(np.sqrt(c**2 + w**2)) - 1) ** 2,
    L1: lambda k, w, c: k * np.sum(np.sqrt(c**2 + w**2)),
    L2: lambda k, w, c: k * np.sqrt(np.sum(c**2) + w**2),
    ColumnL1: lambda k, w, x: k * np.mean(np.sum(np.sqrt(x**2 + w**2), axis=1)),
    ColumnL2: lambda k, w, x: k * np.mean(np.sqrt(np.sum(x**2, axis=1) + w**2)),
}


def near_and_far(seed, shape):
    """Entries within and far outside a width of 0.1, one of them exactly on the kink."""
    x = off_the_kinks(seed, shape)
    x.ravel()[0], x.ravel()[1] = 0.0, -0.03
    return x


@every_kind
def test_energy_and_gradient_match_the_definition(kind, shape):
    x = near_and_far(0, shape)
    penalty = smoothed(kind(0.7), 0.1)
    np.testing.assert_allclose(energy(penalty, x), DEFINITIONS[kind](0.7, 0.1, x), rtol=1e-13)
    differences = central_differences(lambda z: DEFINITIONS[kind](0.7, 0.1, z), x)
    # Rounding of the differences is about 1e-11, truncation about (1e-5)^2 / 0.1^2 = 1e-8.
    np.testing.assert_allclose(gradient(penalty, x), differences, atol=1e-7)
    np.testing.assert_allclose(branch_gradient(penalty, x, -np.sign(x)), gradient(penalty, x), atol=1e-16)


@every_kind
def test_autodiff_of_the_energy_is_the_gradient(kind, shape):
    x = jnp.asarray(near_and_far(1, shape))
    penalty = smoothed(kind(0.7), 0.1)
    np.testing.assert_allclose(jax.jit(jax.grad(penalty.energy))(x), gradient(penalty, x), rtol=1e-13, atol=1e-15)


@every_kind
def test_the_gradient_is_smooth_at_the_kink(kind, shape):
    """Its derivative by finite differences across the kink is the one by autodiff, at most of order k / w."""
    x = np.zeros(shape) if kind is not UnitL1Norm else near_and_far(2, shape)
    penalty = smoothed(kind(0.7), 0.1)
    direction = off_the_kinks(3, shape)
    _, slope = jax.jit(lambda z, v: jax.jvp(penalty.gradient, (z,), (v,)))(jnp.asarray(x), jnp.asarray(direction))
    ahead, behind = (gradient(penalty, x + step * direction) for step in (1e-5, -1e-5))
    # Truncation: (1e-5)^2 times a fourth derivative of the energy, k / w^3 = 700.
    np.testing.assert_allclose((ahead - behind) / 2e-5, slope, atol=1e-6)
    assert np.max(np.abs(slope)) > 0.01


@every_kind
def test_gradient_at_the_kink_is_the_tie_rule(kind, shape):
    tied = np.zeros(shape)
    np.testing.assert_allclose(gradient(smoothed(kind(0.7), 0.1), tied), gradient(kind(0.7), tied), atol=1e-15)


# Not UnitL1Norm: its argument is too large, hence its energy below norm one too small.
@pytest.mark.parametrize(("kind", "shape"), [row for row in KINDS if row[0] is not UnitL1Norm])
def test_smoothed_lies_above_by_at_most_the_stated_gap(kind, shape):
    width, k = 0.1, 0.7
    number = {Nonnegativity: 4 * np.log(2), L2: 1, ColumnL1: 3, ColumnL2: 1}.get(kind, 4)
    for x in (np.zeros(shape), near_and_far(4, shape)):
        gap = energy(smoothed(kind(k), width), x) - energy(kind(k), x)
        # Equal at zero, where the gap is largest, up to rounding.
        assert 0 < gap <= k * width * number * (1 + 1e-14)
    np.testing.assert_allclose(
        energy(smoothed(kind(k), width), np.zeros(shape)) - energy(kind(k), np.zeros(shape)), k * width * number
    )


def orders(kind, x, quantity):
    """Measured orders in the width of the distance between `quantity` of the smoothed and the original penalty."""
    widths = 1e-2 * 0.5 ** np.arange(4)
    errors = [
        np.max(np.abs(quantity(smoothed(kind(0.7), jnp.asarray(width)), x) - quantity(kind(0.7), x)))
        for width in widths
    ]
    return np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))


@every_kind
def test_energies_converge_with_first_order_where_entries_vanish(kind, shape):
    x = off_the_kinks(5, shape)
    x[..., 0] = 0
    if kind is L2:
        x[:] = 0
    # The other entries are 5 widths or more from the kink: their own corrections, of second order, reach a few percent.
    np.testing.assert_allclose(orders(kind, x, energy), 1.0, atol=0.1)


@pytest.mark.parametrize("quantity", [energy, gradient])
@pytest.mark.parametrize(("kind", "shape"), KINDS[1:])
def test_roots_converge_with_second_order_away_from_the_kinks(kind, shape, quantity):
    x = np.sign(off_the_kinks(6, shape)) * np.random.default_rng(6).uniform(0.3, 1.0, shape)
    # The next term of sqrt(x^2 + w^2) is (w / 2x)^2 = 3e-4 relative.
    np.testing.assert_allclose(orders(kind, x, quantity), 2.0, atol=0.01)


def test_the_hinge_converges_exponentially_away_from_the_kink():
    x = np.asarray([0.3, -0.3, 0.4])
    for width in (0.04, 0.02):
        penalty = smoothed(Nonnegativity(0.7), jnp.asarray(width))
        error = np.abs(gradient(penalty, x) - gradient(Nonnegativity(0.7), x))
        np.testing.assert_allclose(error, 0.7 / (1 + np.exp(np.abs(x) / width)), rtol=1e-6, atol=1e-15)


def test_sums_are_smoothed_term_by_term():
    total = Nonnegativity(0.2) + UnitL1Norm(0.9) + UnitL2Norm(0.3) + L2(0.1)
    x = near_and_far(7, (4,))
    soft = smoothed(total, 0.1)
    assert total.kinked
    assert not soft.kinked
    assert len(soft.terms) == 4
    expected = sum(energy(smoothed(term, 0.1), x) for term in total.terms)
    np.testing.assert_allclose(energy(soft, x), expected, rtol=1e-14)
    assert isinstance(smoothed(Sum(()), 0.1), Zero)


@pytest.mark.parametrize("penalty", [Zero(), UnitL2Norm(0.4)])
def test_smooth_penalties_stay_as_they_are(penalty):
    assert smoothed(penalty, 0.1) is penalty


def test_smoothing_twice_changes_nothing():
    soft = smoothed(UnitL1Norm(0.4), 0.1)
    assert smoothed(soft, 0.5) is soft


@every_kind
def test_they_are_orthant_smooth_without_kinks_and_without_proximal_map(kind, shape):
    penalty = smoothed(kind(0.4), 0.1)
    smooth, shrinking = penalty.split()
    assert smooth is penalty
    assert isinstance(shrinking, Zero)
    assert not penalty.kinked
    name = kind.__name__
    with pytest.raises(ValueError, match=rf"no closed-form proximal map.*or keep {name}, which has"):
        proximal(penalty, np.ones(shape), 0.1)


def test_sums_with_smoothed_terms_have_no_proximal_map_either():
    with pytest.raises(ValueError, match=r"SmoothedNonnegativity \+ SmoothedUnitL1Norm has no closed-form"):
        smoothed(Nonnegativity(0.1) + UnitL1Norm(0.9), 0.1).proximal(jnp.ones(2), 0.1)


@every_kind
def test_scaling_commutes_with_smoothing(kind, shape):
    x = near_and_far(8, shape)
    np.testing.assert_allclose(
        energy(smoothed(kind(0.7), 0.1).scaled(2.0), x), energy(smoothed(kind(1.4), 0.1), x), rtol=1e-14
    )


def test_sweep_over_the_width_compiles_once():
    widths = jnp.asarray([0.05, 0.1, 0.4])
    x = jnp.asarray(near_and_far(9, (4,)))
    penalty = from_relative_weights(0.1, nonnegative=1, unit_l1=10)["gates"]
    traces = []

    @jax.jit
    def sweep(values):
        traces.append(1)
        return jax.vmap(lambda width: smoothed(penalty, width).gradient(x))(values)

    swept = sweep(widths)
    sweep(2 * widths)
    assert len(traces) == 1
    mapped = eqx.filter_jit(eqx.filter_vmap(lambda soft: soft.gradient(x)))(smoothed(L1(0.3), widths))
    for index, width in enumerate(widths):
        np.testing.assert_allclose(swept[index], gradient(smoothed(penalty, width), x), rtol=1e-13)
        np.testing.assert_allclose(mapped[index], gradient(smoothed(L1(0.3), width), x), rtol=1e-13)


@every_kind
def test_float32_is_preserved(kind, shape):
    x = jnp.ones(shape, jnp.float32)
    penalty = smoothed(kind(jnp.asarray(0.7)), jnp.asarray(0.1))
    for function in (penalty.energy, penalty.gradient, jax.grad(penalty.energy)):
        assert jax.eval_shape(function, x).dtype == jnp.float32


def test_sharp_hinges_do_not_overflow():
    x = np.asarray([-1.0, 0.0, 1.0])
    penalty = smoothed(Nonnegativity(0.7), 1e-6)
    np.testing.assert_allclose(gradient(penalty, x), [-0.7, -0.35, 0.0], atol=1e-15)
    np.testing.assert_allclose(energy(penalty, x), 0.7 * (1 + 1e-6 * np.log(2)), rtol=1e-14)


@pytest.mark.parametrize("width", [0.0, -0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("penalty", [Zero(), UnitL1Norm(0.3), L1(0.3) + Nonnegativity(0.1)])
def test_bad_widths_are_refused(penalty, width):
    with pytest.raises(ValueError, match=r"width must be positive and finite, got"):
        smoothed(penalty, width)


def test_kinked_penalties_of_others_need_a_stand_in_of_their_own():
    class Huberless(AbstractPenalty):
        kinked = True

        def energy(self, x):
            return jnp.sum(jnp.abs(x - 1.0))

        def branch_gradient(self, x, sign):
            del sign
            return jnp.sign(x - 1.0)

        def proximal(self, x, step):
            raise ValueError

        def split(self):
            return self, Zero()

        def scaled(self, factor):
            raise ValueError

    with pytest.raises(ValueError, match=r"Huberless has kinks.*smoothed\.register"):
        smoothed(Huberless() + L1(0.1), 0.1)
    smoothed.register(Huberless, lambda penalty, width: L2(0.5))
    assert isinstance(smoothed(Huberless(), 0.1), L2)
