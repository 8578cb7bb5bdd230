"""Batches of trajectories of one curriculum."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import OrderParameters
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity
from ntadyn.simulation import FixedSteps, LaneSteps, integrate_batch, observables, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import lay_out
from ntadyn.tasks.curricula import sequence
from tests.systems import general_tasks

NUM_TRAJECTORIES = 3
CURRICULUM = sequence([0, 1, 0], [0.5, 0.3, 0.2], 2)
STARTS, ENDS = slice(0, None, 2), slice(1, None, 2)
STEP = 0.05
GRID = lay_out(CURRICULUM, STEP)
EULER = FixedSteps(diffrax.Euler(), STEP)


def task_in_force(system, state, task):
    """As it is handed to observables."""
    del system, state
    return task


RECORDED = {"loss": observables.loss, "gates": observables.gates, "task": task_in_force}
_run = eqx.filter_jit(integrate_batch)


@pytest.fixture(scope="module")
def batch():
    def one(scale):
        network = GatedLinear(jnp.stack([scale, 0.5 * scale]), jnp.ones((2, 2, 3)) * scale)
        system = OrderParameters(general_tasks(), {"gates": 0.3, "weights": 1.1}, {"gates": Nonnegativity(scale)})
        return system, system.initial_state(network)

    return jax.jit(jax.vmap(one))(jnp.linspace(0.2, 0.6, NUM_TRAJECTORIES))


@pytest.fixture(scope="module")
def on_lanes(batch):
    return run(batch, LaneSteps())


def run(batch, method, grid=GRID):
    systems, states = batch
    return _run(systems, CURRICULUM, states, method, grid, RECORDED)


@pytest.fixture(scope="module")
def by_euler(batch):
    return run(batch, EULER)


@pytest.mark.slow
def test_every_trajectory_is_the_one_that_runs_alone(batch, by_euler):
    for index in range(NUM_TRAJECTORIES):
        system, state = jax.tree.map(lambda leaf, index=index: leaf[index], batch)
        alone = simulate(system, CURRICULUM, state, method=EULER, observables=RECORDED)
        own = jax.tree.map(lambda leaf, index=index: leaf[index], by_euler)
        # Batched sums may be taken in another order.
        for found, expected in zip(jax.tree.leaves(own), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def test_lanes_give_what_every_other_method_gives(by_euler, on_lanes):
    assert jax.tree.structure(by_euler) == jax.tree.structure(on_lanes)
    shapes = ([leaf.shape for leaf in jax.tree.leaves(item)] for item in (by_euler, on_lanes))
    assert len({tuple(item) for item in shapes}) == 1
    for name in ("times", "blocks"):
        np.testing.assert_array_equal(getattr(by_euler, name), getattr(on_lanes, name))
    assert bool(jnp.all(on_lanes.result == RESULTS.successful))
    np.testing.assert_array_equal(on_lanes.values["task"], by_euler.values["task"])
    np.testing.assert_allclose(on_lanes.values["gates"][:, -1], on_lanes.final_state.gates, rtol=0, atol=0)
    # Explicit steps of a sixth of the time constant of the gates are off by so much.
    np.testing.assert_allclose(on_lanes.values["gates"], by_euler.values["gates"], rtol=0, atol=0.1)


def test_both_sides_of_a_switch_are_recorded(on_lanes):
    gates, loss = (np.asarray(on_lanes.values[name]) for name in ("gates", "loss"))
    np.testing.assert_array_equal(gates[:, ENDS][:, :-1], gates[:, STARTS][:, 1:])
    assert np.all(loss[:, ENDS][:, :-1] != loss[:, STARTS][:, 1:])
    assert np.all(loss[:, ENDS] < loss[:, STARTS])
    tasks = np.eye(2)[[0, 0, 1, 1, 0, 0]]
    np.testing.assert_array_equal(on_lanes.values["task"], np.broadcast_to(tasks, (NUM_TRAJECTORIES, 6, 2)))


@pytest.mark.representatives(1)
@pytest.mark.parametrize("method", [LaneSteps(), EULER], ids=["lanes", "fixed steps"])
def test_padding_changes_nothing_and_repeats_the_last_record(batch, on_lanes, by_euler, method):
    plain = on_lanes if isinstance(method, LaneSteps) else by_euler
    padded = run(batch, method, GRID.padded(9))
    for name, values in plain.values.items():
        np.testing.assert_array_equal(padded.values[name][:, :6], values)
        np.testing.assert_array_equal(padded.values[name][:, 6:], np.repeat(values[:, -1:], 3, axis=1))
    jax.tree.map(np.testing.assert_array_equal, padded.final_state, plain.final_state)


def test_a_block_may_be_one_step(batch, on_lanes):
    trajectory = run(batch, LaneSteps(), lay_out(CURRICULUM, 1.0))
    # Steps as long as the time constant of the gates leave a few percent at second order.
    np.testing.assert_allclose(trajectory.values["gates"], on_lanes.values["gates"], rtol=0, atol=0.05)
