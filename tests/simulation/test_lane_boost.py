"""The boost on lanes: the numbers of the general step, what it keeps, and its way through kinks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import OrderParameters
from ntadyn.interface import EventSearch
from ntadyn.metrics.conservation import layer_invariant
from ntadyn.simulation import lanes
from ntadyn.simulation.lane_boost import boosted
from tests.systems import KINKED, TIME_CONSTANTS, covariance, general_network, general_tasks

STEPS = 64


def batch_of_one(system, state):
    """With lanes along the last axis, as methods that step batches take them."""
    return jax.tree.map(lambda x: jnp.asarray(x)[..., None], (system, state))


@pytest.mark.parametrize("inputs", [lambda: None, pytest.param(covariance, marks=pytest.mark.slow)])
def test_same_numbers_as_the_general_step_and_what_it_keeps(inputs):
    system = OrderParameters(general_tasks(), TIME_CONSTANTS, {"gates": KINKED}, input_covariance=inputs())
    state, task = system.initial_state(general_network(paths=2)), jnp.array([1.0, 0.0])
    problem, on_lanes = lanes.to_lanes(*batch_of_one(system, state))

    @jax.jit
    def both(h):
        weights = [task[0], task[1]]
        plain = jax.lax.fori_loop(0, STEPS, lambda _, s: system.boosted(s, task, h, EventSearch()), state)
        lane = jax.lax.fori_loop(0, STEPS, lambda _, s: boosted(problem, s, weights, h), on_lanes)
        return plain, jax.tree.map(lambda x: x[..., 0], lanes.from_lanes(lane))

    # Steps whose Pade approximations are exact to rounding.
    for plain, lane in zip(*map(jax.tree.leaves, both(jnp.asarray(2e-5))), strict=True):
        np.testing.assert_allclose(lane, plain, rtol=0, atol=2e-13)
    # Long ones, which are not, keep the same.
    plain, lane = both(jnp.asarray(1e-3))
    assert float(jnp.min(lane.gates)) > 0
    assert float(jnp.max(jnp.abs(lane.gates - state.gates))) > 0.05
    laws = [
        layer_invariant(x.gates, jnp.sum(x.students, axis=0), TIME_CONSTANTS["gates"], TIME_CONSTANTS["weights"])
        for x in (state, lane)
    ]
    differences = jnp.array([[1.0, -1.0]])
    start, end = (differences @ law @ differences.T for law in laws)
    np.testing.assert_allclose(end, start, rtol=0, atol=1e-13)
