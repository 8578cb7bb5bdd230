"""Shapes and special cases; that the law holds is tested along flows, in tests/dynamics/test_two_layers.py."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import LayerSeries, layer_invariant, layer_residual, path_invariant

GATES = jax.random.normal(jax.random.key(0), (4, 3))
WEIGHTS = jax.random.normal(jax.random.key(1), (4, 5))
STUDENTS = WEIGHTS @ WEIGHTS.T


def test_the_invariant_by_hand():
    invariant = layer_invariant(GATES, STUDENTS, 0.3, 1.1)
    for unit, other in np.ndindex(4, 4):
        expected = float(0.3 * GATES[unit] @ GATES[other] - 1.1 * WEIGHTS[unit] @ WEIGHTS[other])
        assert invariant[unit, other] == pytest.approx(expected, abs=1e-14)


def test_its_diagonal_is_the_law_of_single_paths_for_one_output():
    paths = path_invariant(GATES[:, 0], STUDENTS, 0.3, 1.1)
    np.testing.assert_allclose(jnp.diagonal(layer_invariant(GATES[:, :1], STUDENTS, 0.3, 1.1)), paths, rtol=1e-14)


def test_a_constant_penalty_force_is_integrated():
    times = jnp.asarray([0.0, 0.5, 0.5, 2.0])
    still = lambda array: jnp.broadcast_to(array, (4, *array.shape))  # noqa: E731
    force = jax.random.normal(jax.random.key(2), (4, 3))
    without = layer_residual(LayerSeries(times, still(GATES), still(STUDENTS)), 0.3, 1.1)
    np.testing.assert_array_equal(without, 0.0)
    residual = layer_residual(LayerSeries(times, still(GATES), still(STUDENTS), still(force)), 0.3, 1.1)
    rate = GATES @ force.T + force @ GATES.T
    for record, time in enumerate(times):
        np.testing.assert_allclose(residual[record], float(time) * rate, rtol=0, atol=1e-13)


def test_axes_that_do_not_match_are_refused():
    series = LayerSeries(jnp.arange(3.0), jnp.ones((3, 4, 2)), jnp.ones((3, 4, 4)))
    unequal = eqx.tree_at(lambda series: series.times, series, jnp.arange(2.0))
    with pytest.raises(ValueError, match=r"times \(2,\) must be \(records,\)"):
        layer_residual(unequal, 0.3, 1.1)
    force = jnp.ones((3, 4, 1))
    unequal = eqx.tree_at(lambda series: series.penalty_gradient, series, force, is_leaf=lambda leaf: leaf is None)
    with pytest.raises(ValueError, match="penalty gradient the shape of the gates"):
        layer_residual(unequal, 0.3, 1.1)
