"""The boost on lanes: the numbers of the general step, what it keeps, and its way through kinks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import OrderParameters
from ntadyn.interface import EventSearch
from ntadyn.metrics.conservation import layer_invariant
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import lanes
from ntadyn.simulation.lane_boost import boosted
from tests.systems import TIME_CONSTANTS, covariance, general_network, general_tasks

STEPS = 64


def batch_of_one(system, state):
    """With lanes along the last axis, as methods that step batches take them."""
    return jax.tree.map(lambda x: jnp.asarray(x)[..., None], (system, state))


@pytest.mark.parametrize("inputs", [lambda: None, pytest.param(covariance, marks=pytest.mark.exhaustive)])
def test_same_numbers_as_the_general_step_and_what_it_keeps(inputs):
    network = general_network(paths=2)

    @jax.jit
    def both(coefficients, gates, h):
        """The state at the start, and where `STEPS` general steps and as many on lanes lead."""
        penalty = Nonnegativity(coefficients[0]) + UnitL1Norm(coefficients[1])
        system = OrderParameters(general_tasks(), TIME_CONSTANTS, {"gates": penalty}, input_covariance=inputs())
        state = system.with_gates(system.initial_state(network), gates)
        problem, on_lanes = lanes.to_lanes(*batch_of_one(system, state))
        task = jnp.array([1.0, 0.0])
        plain = jax.lax.fori_loop(0, STEPS, lambda _, s: system.boosted(s, task, h, EventSearch()), state)
        lane = jax.lax.fori_loop(0, STEPS, lambda _, s: boosted(problem, s, [task[0], task[1]], h), on_lanes)
        return state, plain, jax.tree.map(lambda x: x[..., 0], lanes.from_lanes(lane))

    def law(state):
        students = jnp.sum(state.students, axis=0)
        return layer_invariant(state.gates, students, TIME_CONSTANTS["gates"], TIME_CONSTANTS["weights"])

    kinked = jnp.array([0.3, 1.5])
    # Steps whose Pade approximations are exact to rounding.
    _, *found = both(kinked, network.gates, jnp.asarray(2e-5))
    for plain, lane in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(lane, plain, rtol=0, atol=2e-13)
    # Long ones, which are not, keep the same.
    state, _, lane = both(kinked, network.gates, jnp.asarray(1e-3))
    assert float(jnp.min(lane.gates)) > 0
    assert float(jnp.max(jnp.abs(lane.gates - state.gates))) > 0.05
    differences = jnp.array([[1.0, -1.0]])
    start, end = (differences @ law(x) @ differences.T for x in (state, lane))
    np.testing.assert_allclose(end, start, rtol=0, atol=1e-13)
    # Where nothing is penalised, they and the general steps keep all, through zero and from zero, which is no kink.
    for gates in ([-0.02, 0.5], [0.0, 0.5]):
        state, *found = both(0 * kinked, jnp.array(gates), jnp.asarray(1e-2))
        for x in found:
            assert np.all(np.asarray(x.gates) > 0.02)
            np.testing.assert_allclose(law(x), law(state), rtol=0, atol=1e-13)
        np.testing.assert_allclose(found[1].gates, found[0].gates, rtol=0, atol=1e-7)
