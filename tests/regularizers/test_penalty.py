"""Sums of penalties, how they split, and what coefficients are refused."""

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
    Frobenius,
    Nonnegativity,
    Sum,
    UnitL1Norm,
    UnitL2Norm,
    Zero,
)
from tests.regularizers.problems import (
    GATE_KINDS,
    REFERENCE,
    WEIGHT_KINDS,
    central_differences,
    energy,
    gradient,
    off_the_kinks,
)

MIXTURES = [
    ({Nonnegativity: 0.09, UnitL1Norm: 0.9}, (4,)),
    ({Nonnegativity: 0.5, UnitL1Norm: 2.5, UnitL2Norm: 0.3, L1: 0.2, L2: 0.4}, (2, 3)),
    ({ColumnL1: 0.3, ColumnL2: 0.2, Frobenius: 0.1}, (2, 3, 4)),
]


@pytest.mark.parametrize(("mixture", "shape"), MIXTURES)
def test_mixed_sums_match_finite_differences(mixture, shape):
    x = off_the_kinks(3, shape)
    total = Sum(tuple(kind(k) for kind, k in mixture.items()))
    differences = central_differences(lambda z: sum(REFERENCE[kind](k, z) for kind, k in mixture.items()), x)
    assert np.max(np.abs(gradient(total, x) - differences)) < 1e-7


@pytest.mark.parametrize(("mixture", "shape"), MIXTURES)
def test_sums_add_energies_and_gradients(mixture, shape):
    x = off_the_kinks(4, shape)
    terms = [kind(k) for kind, k in mixture.items()]
    total = Zero()
    for term in terms:
        total = total + term
    # The order of summation may differ: rounding only.
    np.testing.assert_allclose(energy(total, x), sum(energy(t, x) for t in terms), rtol=1e-14)
    np.testing.assert_allclose(gradient(total, x), sum(gradient(t, x) for t in terms), atol=1e-14)


def test_proximal_of_a_sum():
    x = jnp.asarray([0.5, -0.2])
    np.testing.assert_array_equal(Sum(()).proximal(x, 0.1), x)
    np.testing.assert_array_equal(Sum((Zero(), L1(0.3))).proximal(x, 0.1), L1(0.3).proximal(x, 0.1))
    with pytest.raises(ValueError, match=r"Nonnegativity \+ UnitL2Norm has no closed-form.*split\(\)"):
        (Nonnegativity(0.1) + UnitL2Norm(0.9)).proximal(x, 0.1)


def test_gradient_with_respect_to_the_coefficient():
    x = jnp.asarray(off_the_kinks(18, (4,)))
    slope = jax.jit(jax.grad(lambda k: (UnitL1Norm(k) + L2(k)).energy(x)))(jnp.asarray(0.7))
    np.testing.assert_allclose(slope, energy(UnitL1Norm(1.0) + L2(1.0), x), rtol=1e-14)


def test_zero_is_neutral():
    term = L1(0.3)
    assert (term + Zero()) is term
    assert (Zero() + term) is term
    assert isinstance(Zero() + Zero(), Zero)
    x = jnp.asarray([0.4, -0.2])
    assert Zero().energy(x) == 0
    np.testing.assert_array_equal(Zero().gradient(x), [0, 0])
    np.testing.assert_array_equal(Zero().proximal(x, 1.0), x)


def test_sums_are_flat():
    a, b, c = Nonnegativity(0.1), UnitL1Norm(0.2), L2(0.3)
    for total in ((a + b) + c, a + (b + c), Sum((a, Sum((Zero(), b)), c))):
        assert [type(term) for term in total.terms] == [Nonnegativity, UnitL1Norm, L2]


@pytest.mark.parametrize("kind", [Nonnegativity, UnitL1Norm, UnitL2Norm, L1])
def test_orthant_smooth_terms(kind):
    term = kind(0.4)
    smooth, shrinking = term.split()
    assert smooth is term
    assert isinstance(shrinking, Zero)


@pytest.mark.parametrize("kind", [L2, ColumnL1, ColumnL2, Frobenius])
def test_shrinking_terms(kind):
    term = kind(0.4)
    smooth, shrinking = term.split()
    assert isinstance(smooth, Zero)
    assert shrinking is term


def test_split_partitions_a_sum():
    total = Nonnegativity(0.1) + L2(0.2) + UnitL1Norm(0.3) + L1(0.4)
    smooth, shrinking = total.split()
    assert [type(term) for term in smooth.terms] == [Nonnegativity, UnitL1Norm, L1]
    assert isinstance(shrinking, L2)
    x = off_the_kinks(21, (4,))
    np.testing.assert_allclose(energy(smooth, x) + energy(shrinking, x), energy(total, x), rtol=1e-14)
    assert [type(part) for part in Zero().split()] == [Zero, Zero]
    assert [type(part) for part in Sum(()).split()] == [Zero, Zero]


@pytest.mark.parametrize("kind", [*GATE_KINDS, *WEIGHT_KINDS])
@pytest.mark.parametrize("k", [-0.1, float("nan"), float("inf"), np.asarray([0.1, -0.1])])
def test_bad_coefficients_are_refused(kind, k):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: the coefficient k must be finite and >= 0"):
        kind(k if isinstance(k, float) else jnp.asarray(k))


def test_unmapped_sweep_is_refused():
    with pytest.raises(ValueError, match=r"k has shape \(3,\) where one number is needed.*vmap"):
        L1(jnp.ones(3)).energy(jnp.ones(3))


def test_negative_step_is_refused():
    with pytest.raises(ValueError, match=r"UnitL1Norm: step must be finite and >= 0, got -0.1"):
        UnitL1Norm(1.0).proximal(jnp.ones(3), -0.1)


def test_sums_take_penalties_only():
    with pytest.raises(ValueError, match=r"Sum takes penalties, got 3 of type int"):
        Sum((L1(0.1), 3))
    with pytest.raises(TypeError):
        L1(0.1) + 3


def test_scaled_sums_and_zero():
    total = (Nonnegativity(0.1) + UnitL1Norm(0.3)).scaled(2.0)
    assert [(type(term), term.k) for term in total.terms] == [(Nonnegativity, 0.2), (UnitL1Norm, 0.6)]
    assert isinstance(Zero().scaled(3.0), Zero)


def test_scaled_sweeps():
    factors = jnp.asarray([0.0, 0.5, 2.0])
    x = jnp.asarray([0.7, -0.2])
    penalty = Nonnegativity(0.1) + UnitL1Norm(0.3)
    swept = eqx.filter_jit(eqx.filter_vmap(lambda scaled: scaled.energy(x)))(penalty.scaled(factors))
    np.testing.assert_allclose(swept, np.asarray(factors) * energy(penalty, x), rtol=1e-14)


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("penalty", [Zero(), UnitL1Norm(0.3), L1(0.3) + L2(0.1)])
def test_bad_factors_are_refused(penalty, factor):
    with pytest.raises(ValueError, match=r"scaled: the factor must be finite and >= 0, got"):
        penalty.scaled(factor)


@pytest.mark.parametrize(
    ("penalty", "kinked"),
    [
        (Zero(), False),
        (Sum(()), False),
        (UnitL2Norm(0.1) + L2(0.1), False),
        (UnitL2Norm(0.1) + Nonnegativity(0.1), True),
        (UnitL1Norm(0.0), True),
    ],
)
def test_a_sum_is_kinked_if_a_term_is(penalty, kinked):
    assert penalty.kinked is kinked


def test_whole_numbers_of_any_size_are_numbers():
    assert float(L1(10**30).energy(jnp.ones(2))) == 2e30
    with pytest.raises(ValueError, match="k must be a real number"):
        L1(10**400)
