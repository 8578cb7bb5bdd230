"""What an update rule keeps of paths that a strategy gave other weights, it forgets, and of no others."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.continual import (
    AbstractStrategy,
    Consolidation,
    ContinualDescent,
    ContinualFlow,
    Detected,
    RecentLosses,
    TeacherProblem,
)
from ntadyn.interface import BlockInfo
from ntadyn.networks import GatedLinear
from tests.systems import TIME_CONSTANTS, general_network, general_tasks

TASK = jnp.asarray([1.0, 0.0])
RULE = optax.trace(0.9)
NO, ZERO = jnp.asarray(False), jnp.zeros(())
BLOCK = BlockInfo(jnp.asarray(1), ZERO, ZERO + 1, TASK, TASK, TASK, NO, NO)


def begun(strategy, network):
    """Descent with momentum, and a state in which every parameter has some."""
    system = ContinualDescent(
        ContinualFlow(TeacherProblem(general_tasks()), strategy, TIME_CONSTANTS), jax.random.key(0), 4, 4, RULE
    )
    state = system.initial_state(network)
    moments = jax.tree.map(jnp.ones_like, state.network)
    return system, eqx.tree_at(lambda state: state.optimiser.trace, state, moments)


def kept(state):
    """Whether anything is left of the moments of the weights of every path."""
    return np.any(np.asarray(state.optimiser.trace.weights), axis=(1, 2)).tolist()


@pytest.mark.slow
def test_a_mixture_that_becomes_a_path_starts_without_moments():
    two = general_network(paths=2)
    network = GatedLinear(jnp.asarray([0.6, 0.4, 0.0, 0.0]), jnp.pad(two.weights, ((0, 2), (0, 0), (0, 0))))
    system, state = begun(Consolidation(num_uses=1), network)
    after = system.at_block_end(state, BLOCK)
    assert after.memory.occupied.tolist() == [True, True, True, False]
    assert kept(after) == [True, True, False, True]
    assert after.optimiser.trace.gates.tolist() == [1.0, 1.0, 0.0, 1.0]


def test_a_path_that_is_cleared_loses_its_moments():
    system, state = begun(Consolidation(num_idle=1), general_network(paths=2))
    state = eqx.tree_at(lambda state: state.network.gates, state, jnp.asarray([0.0, 1.0]))
    after = system.at_block_end(state, BLOCK)
    assert after.memory.occupied.tolist() == [False, True]
    assert kept(after) == [False, True]


class Restarting(AbstractStrategy):
    """The second path starts anew with every block."""

    def begin(self, problem, network):
        return network, jnp.zeros(2, bool)

    def at_start(self, problem, network, memory, batch):
        weights = network.weights.at[1].set(0.0)
        return eqx.tree_at(lambda network: network.weights, network, weights), jnp.asarray([False, True])

    def renewed(self, memory):
        return memory


@pytest.fixture(scope="module")
def detecting():
    """After a step at which a jump was seen, and after one more at which none was."""
    system, state = begun(Detected(Restarting()), general_network(paths=2))
    update = jax.jit(lambda state: system.update(state, TASK, jnp.asarray(0.01)))

    def after(state, level):
        # So that the loss of the next step jumps if the level is low, and does not if it is high.
        losses = RecentLosses(jnp.full(50, level), jnp.asarray(50))
        return update(eqx.tree_at(lambda state: state.memory.losses, state, losses))

    jumped = after(state, 0.0)
    return system, jumped, after(jumped, 1e9)


@pytest.mark.slow
def test_a_detected_switch_clears_moments_as_a_block_start_does(detecting):
    _, jumped, _ = detecting
    assert int(jumped.memory.detections) == 1
    assert kept(jumped) == [True, False]


def test_moments_grow_again_and_no_switch_that_is_not_seen_clears_them(detecting):
    system, _, later = detecting
    assert int(later.memory.detections) == 1
    assert kept(later) == [True, True]
    for hook in (system.at_block_end, system.at_block_start):
        np.testing.assert_array_equal(hook(later, BLOCK).optimiser.trace.weights, later.optimiser.trace.weights)
