"""A mixture that is used again and again becomes a path, and the network does not notice."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import Consolidation, ContinualFlow, FineTuning, GatedContinualFlow, TeacherProblem
from ntadyn.continual.strategy import Released
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import DeepLinear, GatedLinear, NeuronGatedLinear
from ntadyn.simulation import Adaptive, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.tasks.curricula import alternating
from ntadyn.testing import check_system
from tests.systems import KINKED, TIME_CONSTANTS, general_network, general_tasks, two_blocks

MIXTURE, OTHER, ALONE = [0.6, 0.4], [0.1, 0.9], [1.0, 0.0]


def padded(kind=GatedLinear, paths=4):
    """Two paths, and room."""
    network = general_network(kind, paths=2)
    room = lambda array: jnp.pad(array, [(0, paths - 2)] + [(0, 0)] * (array.ndim - 1))  # noqa: E731
    return kind(room(network.gates), room(network.weights))


@pytest.fixture(scope="module")
def lived():
    """A function: gates of the first two paths at the end of each block -> network before and after each, memories."""

    problem = TeacherProblem(general_tasks())

    @jax.jit
    def one(strategy, network, memory):
        return strategy.at_end(problem, network, memory, problem.population(jnp.asarray([1.0, 0.0])))

    def live(strategy, network, blocks):
        _, memory = strategy.begin(problem, network)
        history = []
        for gates in blocks:
            used = jnp.zeros_like(network.gates).at[:2].set(jnp.asarray(gates))
            before = eqx.tree_at(lambda network: network.gates, network, used)
            network, memory = one(strategy, before, memory)
            history.append((before, network, memory))
        return history

    live.program = one
    return live


def test_a_mixture_becomes_a_path_and_outputs_stay(lived):
    blocks = [MIXTURE, ALONE, [0.62, 0.39], OTHER, MIXTURE]
    history = lived(Consolidation(), padded(), blocks)
    for before, after, memory in history[:-1]:
        np.testing.assert_array_equal(after.gates, before.gates)
        np.testing.assert_array_equal(memory.occupied, [True, True, False, False])
    before, after, memory = history[-1]
    np.testing.assert_allclose(after.total_map(), before.total_map(), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(after.gates, [0.0, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(after.weights[2], 0.6 * before.weights[0] + 0.4 * before.weights[1], atol=1e-14)
    np.testing.assert_array_equal(after.weights[:2], before.weights[:2])
    np.testing.assert_array_equal(memory.occupied, [True, True, True, False])
    assert not memory.lacked_room


def test_gates_per_neuron(lived):
    strategy, network = Consolidation(num_uses=2), padded(NeuronGatedLinear)
    by_row = [[0.7, 0.2], [0.3, 0.8]]
    before, after, _ = lived(strategy, network, [by_row, by_row])[-1]
    np.testing.assert_allclose(after.total_map(), before.total_map(), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(after.gates, np.eye(4)[2][:, None] * np.ones((1, 2)))


def test_without_room_nothing_happens_and_it_is_told(lived):
    strategy, network = Consolidation(), padded(paths=2)
    history = lived(strategy, network, [MIXTURE] * 4)
    for before, after, _ in history:
        np.testing.assert_array_equal(after.gates, before.gates)
        np.testing.assert_array_equal(after.weights, before.weights)
    assert [bool(strategy.is_full(memory)) for *_, memory in history] == [False, False, True, True]


def test_idle_paths_are_cleared_and_are_room_again(lived):
    strategy = Consolidation(num_idle=jnp.asarray(3), num_uses=jnp.asarray(2))
    network = padded(paths=3)
    history = lived(strategy, network, [ALONE, ALONE, MIXTURE, ALONE, ALONE, ALONE])
    occupied = np.stack([memory.occupied for *_, memory in history])
    np.testing.assert_array_equal(occupied[:, 1], [True] * 5 + [False])
    assert np.all(history[-1][1].weights[1] == 0)
    np.testing.assert_array_equal(history[-1][1].weights[0], network.weights[0])


def test_all_numbers_of_a_strategy_that_are_arrays_share_one_program(lived):
    strategies = [Consolidation(*(jnp.asarray(number) for number in (uses, 0.05, 0.95, 10, 1e-3))) for uses in (1, 3)]
    before = lived.program._cache_size()
    ends = [lived(strategy, padded(), [MIXTURE] * 3)[-1][2].occupied for strategy in strategies]
    assert [int(jnp.sum(occupied)) for occupied in ends] == [4, 3]
    assert lived.program._cache_size() == before + 1


@pytest.mark.slow
def test_room_stays_empty_and_does_not_disturb():
    tasks = general_tasks()
    flow = GradientFlow(tasks, TIME_CONSTANTS, {"gates": KINKED})
    finals = []
    # Nothing is ever due: what is left is the mask.
    for network, strategy in ((padded(paths=3), Consolidation(num_uses=100)), (padded(paths=2), FineTuning())):
        system = GatedContinualFlow(flow, strategy)
        run = simulate(system, alternating(2, 3, 0.5), system.initial_state(network), observables={})
        assert run.result == RESULTS.successful
        finals.append(run.final_state.network)
    assert finals[0].gates[2] == 0
    assert np.all(finals[0].weights[2] == 0)
    np.testing.assert_allclose(finals[0].gates[:2], finals[1].gates, rtol=0, atol=1e-10)
    np.testing.assert_allclose(finals[0].weights[:2], finals[1].weights, rtol=0, atol=1e-10)


class Held(FineTuning):
    """One path is frozen, gate and weights, wherever it is."""

    def released(self, memory):
        return Released(jnp.asarray([0.0, 1.0]), jnp.asarray([0.0, 1.0]))


@pytest.mark.slow
def test_frozen_gates_push_those_that_move():
    system = GatedContinualFlow(GradientFlow(general_tasks(), TIME_CONSTANTS), Held())
    network, finals = general_network(paths=2), []
    for learner, method in ((system.general, Adaptive(rtol=1e-9, atol=1e-11)), (system, None)):
        run = simulate(learner, two_blocks(), learner.initial_state(network), method=method, observables={})
        finals.append(run.final_state.network)
    for name in ("gates", "weights"):
        a, b = (getattr(final, name) for final in finals)
        np.testing.assert_allclose(b, a, rtol=0, atol=2e-5, err_msg=name)
        np.testing.assert_array_equal(b[0], getattr(network, name)[0])
        assert np.max(np.abs(b[1] - getattr(network, name)[1])) > 0.1


@pytest.mark.representatives(1)
@pytest.mark.slow
def test_systems_keep_their_promises():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    check_system(GatedContinualFlow(flow, Consolidation()), padded(), two_blocks())
    flow = ContinualFlow(TeacherProblem(general_tasks()), Consolidation(), TIME_CONSTANTS)
    check_system(flow, padded(), two_blocks())


def test_networks_without_a_matrix_for_each_path_are_refused():
    with pytest.raises(ValueError, match="DeepLinear has no weight matrix for each path"):
        Consolidation().begin(TeacherProblem(general_tasks()), general_network(DeepLinear, paths=3))
    with pytest.raises(ValueError, match="open_gate must be finite and >= 0"):
        Consolidation(open_gate=-0.1)
