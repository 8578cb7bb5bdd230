"""Penalties in the published relative weights."""

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
    from_relative_weights,
)
from tests.regularizers.problems import (
    energy,
)

# ---------------------------------------------------------------------------------------------- relative weights

# Rows of the table of effective coefficients: strength, relative weights, (k_nn, k_1, k_2, k_W), and half a unit of the
# last printed digit.
PUBLISHED = {
    "Fig 2 flexible, Fig 4, A1, A2, A9": (
        0.1,
        {"nonnegative": 1, "unit_l1": 10, "column_l2": 0},
        (0.0909, 0.9091, None, 0.0),
        5e-5,
    ),
    "Fig 2 forgetful": (0.0, {"nonnegative": 1, "unit_l1": 10}, (0.0, 0.0, None, None), 0.0),
    "Fig 3C flexible": (0.3, {"nonnegative": 1, "unit_l1": 5}, (0.5, 2.5, None, None), 1e-15),
    "Fig 3D flexible": (0.025, {"nonnegative": 1, "unit_l2": 10}, (0.02273, None, 0.02273, None), 5e-6),
    "Fig 5 left": (0.3, {"nonnegative": 1, "unit_l1": 5}, (0.5, 2.5, None, None), 1e-15),
    "Fig 5 right, strength 1": (1.0, {"nonnegative": 1, "unit_l1": 5}, (1.667, 8.333, None, None), 5e-4),
    "Fig 8 flexible": (0.09, {"nonnegative": 1, "unit_l1": 4}, (0.18, 0.72, None, None), 1e-15),
    "A3 left": (0.6, {"nonnegative": 1, "unit_l1": 10, "column_l2": 0}, (0.5455, 5.4545, None, 0.0), 5e-5),
    "A3 right": (0.6, {"nonnegative": 1, "unit_l1": 10, "column_l2": 20}, (0.1935, 1.9355, None, 0.1935), 5e-5),
    "A10 / A11": (0.01, {"nonnegative": 1, "unit_l1": 1, "column_l2": 0}, (0.05, 0.05, None, 0.0), 1e-15),
}


def terms_of(penalty):
    return {type(term): term.k for term in (penalty.terms if isinstance(penalty, Sum) else (penalty,))}


@pytest.mark.parametrize("row", PUBLISHED)
def test_published_effective_coefficients(row):
    strength, weights, expected, tolerance = PUBLISHED[row]
    groups = from_relative_weights(strength, **weights)
    found = {kind: k for penalty in groups.values() for kind, k in terms_of(penalty).items()}
    kinds = (Nonnegativity, UnitL1Norm, UnitL2Norm, ColumnL2)
    assert set(found) == {kind for kind, k in zip(kinds, expected, strict=True) if k is not None}
    for kind, k in zip(kinds, expected, strict=True):
        if k is not None:
            np.testing.assert_allclose(found[kind], k, atol=tolerance, rtol=0)
    assert ("weights" in groups) == ("column_l2" in weights)


def test_every_relative_weight_with_its_factor():
    weights = {
        "nonnegative": 1.0,
        "unit_l1": 2.0,
        "unit_l2": 3.0,
        "l1": 4.0,
        "l2": 5.0,
        "column_l1": 6.0,
        "column_l2": 7.0,
        "frobenius": 12.0,
    }
    groups = from_relative_weights(0.8, **weights)
    share = 0.8 / 40.0
    gates, on_weights = terms_of(groups["gates"]), terms_of(groups["weights"])
    expected_gates = {Nonnegativity: 10.0, UnitL1Norm: 20.0, UnitL2Norm: 3.0, L1: 2.0, L2: 2.5}
    expected_weights = {ColumnL1: 3.0, ColumnL2: 3.5, Frobenius: 12.0}
    for found, expected in ((gates, expected_gates), (on_weights, expected_weights)):
        assert set(found) == set(expected)
        for kind, value in expected.items():
            np.testing.assert_allclose(found[kind], share * value, rtol=1e-14)


def test_relative_weights_without_terms():
    assert from_relative_weights(0.3) == {}
    assert set(from_relative_weights(0.3, frobenius=2.0)) == {"weights"}
    assert set(from_relative_weights(0.3, l1=2.0)) == {"gates"}


def test_relative_weights_sweep_over_the_strength():
    strengths = jnp.asarray([0.0, 0.1, 0.6])
    c = jnp.asarray([0.7, -0.2])
    swept = from_relative_weights(strengths, nonnegative=1, unit_l1=10)["gates"]
    energies = eqx.filter_jit(eqx.filter_vmap(lambda penalty: penalty.energy(c)))(swept)
    single = [
        energy(from_relative_weights(jnp.asarray(s), nonnegative=1, unit_l1=10)["gates"], c) for s in (0.0, 0.1, 0.6)
    ]
    np.testing.assert_allclose(energies, single, rtol=1e-14)
    inside = jax.jit(jax.vmap(lambda s: from_relative_weights(s, nonnegative=1, unit_l1=10)["gates"].energy(c)))
    np.testing.assert_allclose(inside(strengths), single, rtol=1e-13)


def test_bad_relative_weights_are_refused():
    with pytest.raises(ValueError, match=r"strength must be finite and >= 0, got -1"):
        from_relative_weights(-1.0, unit_l1=1.0)
    with pytest.raises(ValueError, match=r"relative weight unit_l1 must be finite and >= 0, got -2"):
        from_relative_weights(1.0, nonnegative=1.0, unit_l1=-2.0)
    with pytest.raises(ValueError, match=r"sum to zero.*at least one positive weight"):
        from_relative_weights(1.0, nonnegative=0.0, column_l2=0.0)
