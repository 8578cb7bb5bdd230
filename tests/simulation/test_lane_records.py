"""What is recorded on lanes component by component: against the same functions of one trajectory at a time."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.simulation import observables
from ntadyn.simulation.invariants import energy_and_loss
from ntadyn.simulation.lane_records import exchange, lifted
from ntadyn.simulation.method import over_lanes
from tests.simulation.test_lanes import Problem

FUNCTIONS = {
    "loss": observables.loss,
    "similarity": observables.similarity,
    "energy and loss": energy_and_loss,
    "exchange": exchange,
}


@pytest.fixture(scope="module")
def batch():
    """Systems and states of three paths and two tasks, lanes last; of one state the first path has no weights."""
    made = Problem(paths=3, num_tasks=2)
    rng = np.random.default_rng(0)
    gates = jnp.asarray(rng.normal(size=made.states.gates.shape))
    states = eqx.tree_at(lambda states: states.gates, made.states, gates)
    states = eqx.tree_at(
        lambda states: states.students, states, states.students.at[0, 0, 0].set(0).at[0, 0, :, 0].set(0)
    )
    states = eqx.tree_at(lambda states: states.cross, states, states.cross.at[0, 0, 0].set(0))
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), (made.systems, states))


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_components_are_what_is_recorded_of_one_trajectory(batch, function):
    systems, states = batch
    lanes, rng = states.gates.shape[1], np.random.default_rng(1)
    for task, axis in ((rng.normal(size=2), None), (rng.normal(size=(2, lanes)), -1)):
        axes = (-1, -1, axis)
        by_components = lifted(systems)(function, axes)
        found = by_components(systems, states, jnp.asarray(task))
        wanted = over_lanes(function, axes)(systems, states, jnp.asarray(task))
        assert jax.tree.structure(found) == jax.tree.structure(wanted)
        for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
            assert mine.dtype == theirs.dtype
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)
    # Under `jax.vmap` small matrices are broadcast with lanes first; components never are.
    assert by_components.__module__ == lifted.__module__


def test_all_else_is_left_to_vmap(batch):
    systems, states = batch

    class Other(type(systems)):
        """A subclass, which may do anything else."""

    other = object.__new__(Other)
    vars(other).update(vars(systems))
    for kind, function in ((systems, observables.energy), (other, observables.loss)):
        assert lifted(kind)(function, (-1, -1, None)).__module__ != lifted.__module__
    assert states.gates.ndim == 2
