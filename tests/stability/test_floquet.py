"""Kinks and multipliers in systems of one or two numbers, where both are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.interface.gate_flow import GateProblem, flow_gates
from ntadyn.interface.loops import EventSearch
from ntadyn.regularizers import Nonnegativity
from ntadyn.stability import SWAPPED_TASKS, Renaming, Side, Stability, extrapolated, multipliers_of, saltation


@pytest.mark.slow
def test_saltation_through_an_arrival_and_a_crossing():
    """T8: with constant forces, the derivative of the flow is the saltation matrix itself.

    Gate 1 moves at -1 and is held at zero by a hinge of 3; gate 2 moves at -5 and crosses, at -2 from there on.
    """

    def flow(gates):
        problem = GateProblem(jnp.array([-1.0, -5.0]), jnp.zeros((2, 2)), Nonnegativity(3.0), jnp.asarray(1.0))
        return flow_gates(problem, gates, jnp.asarray(1.0), EventSearch())

    start = jnp.array([0.25, 0.5])
    jacobian, end = jax.jit(jax.jacfwd(lambda gates: (flow(gates),) * 2, has_aux=True))(start)
    np.testing.assert_allclose(end, [0, -2 * (1 - 0.1)], atol=1e-14)
    before, held, crossed = np.array([-1.0, -5.0]), np.array([0.0, -5.0]), np.array([-1.0, -2.0])
    first = saltation(before, crossed, np.array([0.0, 1.0]))  # gate 2 arrives first, at t = .1
    second = saltation(crossed, held * [1, 0.4], np.array([1.0, 0.0]))
    np.testing.assert_allclose(jacobian, second @ first, atol=1e-12)
    np.testing.assert_allclose(second, np.diag([0, 1]), atol=1e-15)
    np.testing.assert_allclose(first, np.diag([1, 2 / 5]), atol=1e-15)
    np.testing.assert_allclose(saltation(before, before, np.array([1.0, 0.0])), np.eye(2), atol=0)
    with pytest.raises(ValueError, match="grazing"):
        saltation(before, held, np.array([5.0, -1.0]))


def test_multipliers_and_how_many_digits_are_left():
    found = multipliers_of(np.array([[0.0, -0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0 + 1e-9]]))
    np.testing.assert_allclose(found.values, [1 + 1e-9, 0.5j, -0.5j], atol=1e-12)
    assert found.labels == (Stability.NEUTRAL, Stability.STABLE, Stability.STABLE)
    assert found.side is Side.SMOOTH
    # A boost: multipliers 2 and 1/2 in a matrix of norm e^7, of which rounding leaves ten digits.
    large = np.array([[2.0, np.exp(7)], [0.0, 0.5]])
    found = multipliers_of(large)
    assert found.num_unstable == 1
    assert found.rapidity == pytest.approx(7, abs=1e-3)
    assert found.rounding == pytest.approx(np.finfo(float).eps * np.exp(14), rel=1e-2)
    assert extrapolated(1 + 0.04, 1 + 0.01) == pytest.approx(1, abs=1e-15)


def test_names_that_are_no_permutation_are_refused():
    with pytest.raises(ValueError, match="tasks is"):
        Renaming((0, 0), (0, 1))
    with pytest.raises(ValueError, match="no names to permute"):
        SWAPPED_TASKS(jnp.zeros(3))
