from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.continual import ContinualDescent, ContinualFlow, DescentState, GatedContinualFlow, TeacherProblem
from ntadyn.continual.gate_fit import residual, with_fitted_gates
from ntadyn.continual.group_lasso import shrunk
from ntadyn.continual.growing import BEFORE, DynamicallyExpandable, num_alive
from ntadyn.continual.new_paths import RandomPath, ResidualPath
from ntadyn.dynamics import GradientFlow
from ntadyn.interface import BlockInfo
from ntadyn.networks import GatedLinear, NeuronGatedLinear
from ntadyn.simulation import FixedSteps, Updates, simulate
from ntadyn.simulation.outcome import RESULTS, result_codes
from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.tasks.task_set import from_matrices
from ntadyn.testing import check_system
from tests.systems import orthonormal_rows

PATHS = 5
# Tasks ask for orthogonal answers, output by output. With numpy: on import nothing is compiled.
A, B, C, D = np.stack([orthonormal_rows(4, 6, seed=output) for output in range(3)], axis=1) / 6**0.5
# Three tasks, means of two of them, opposites of two, and one that tests replace.
TASKS = from_matrices(np.stack([A, B, C, (A + B) / 2, (B + C) / 2, -A, -B, D]))
NUM_TASKS, LAST = TASKS.num_tasks, TASKS.num_tasks - 1
PROBLEM = TeacherProblem(TASKS)
SEQUENCE = [0, 1, 2, 0, 1, 2, 3, 4, 0]
COUNTS = [1, 2, 3, 3, 3, 3, 3, 3, 3]
TIMES = {"gates": jnp.asarray(1.0), "weights": jnp.asarray(1.0)}
STILL = jnp.asarray(np.zeros((PATHS, *A.shape)))
NORM = np.linalg.norm(A)


def with_last(teacher):
    """The problem with another last task."""
    return TeacherProblem(from_matrices(TASKS.teachers.at[LAST].set(teacher)))


def at_angle(cosine):
    return cosine * A + (1 - cosine**2) ** 0.5 * D


def one_hot(task: int) -> Any:
    return jnp.zeros(NUM_TASKS).at[task].set(1)


def room(paths: int = PATHS) -> GatedLinear:
    return GatedLinear.initialise(jax.random.key(1), (paths, *A.shape))


DEFAULT = DynamicallyExpandable()
TRACES = []


@eqx.filter_jit
def block(strategy, problem, network, memory, task, moved):
    """The jumps of one block, in which the weights move as we say, and what was unexplained at its start."""
    TRACES.append((type(strategy.initial), strategy.num_added))
    batch = problem.population(jax.nn.one_hot(task, NUM_TASKS, dtype=A.dtype))
    left = residual(with_fitted_gates(network, batch, memory.alive), batch)
    network, memory = strategy.at_start(problem, network, memory, batch)
    network = eqx.tree_at(lambda tree: tree.weights, network, network.weights + moved)
    return *strategy.at_end(problem, network, memory, batch), left


def walk(tasks, strategy=DEFAULT, problem=PROBLEM, start=None, moved=STILL):
    """Network and memory after some blocks, how many paths there were after each, and the last residual."""
    network, memory = strategy.begin(problem, room()) if start is None else start
    # Numbers are data: one program serves all thresholds.
    strategy = jax.tree.map(jnp.asarray, strategy)
    counts, left = [], jnp.nan
    for task in tasks:
        network, memory, left = block(strategy, problem, network, memory, jnp.asarray(task), moved)
        counts.append(int(jnp.sum(memory.alive)))
    return network, memory, counts, float(left)


@pytest.mark.slow
def test_d1_paths_grow_with_tasks_that_are_new_and_not_with_others():
    network, memory, counts, left = walk(SEQUENCE)
    assert counts == COUNTS
    assert left < 1e-25
    np.testing.assert_array_equal(memory.born, [0, 1, 2, BEFORE, BEFORE])
    np.testing.assert_array_equal(network.weights[3:], 0)
    assert not bool(memory.full)


@pytest.mark.parametrize("cosine", [0.5, 0.9, 0.95, 0.98])
def test_d2_a_network_grows_if_the_sine_squared_is_above_the_threshold(cosine):
    problem = with_last(at_angle(cosine))
    _, _, counts, left = walk([0, LAST], problem=problem)
    np.testing.assert_allclose(left, 1 - cosine**2, atol=1e-12)
    assert counts == [1, 2 if 1 - cosine**2 > 0.05 else 1]
    assert walk([0, LAST], DynamicallyExpandable(1 - cosine**2 - 1e-6), problem)[2] == [1, 2]
    assert walk([0, LAST], DynamicallyExpandable(1 - cosine**2 + 1e-6), problem)[2] == [1, 1]


def test_d3_group_lasso_shrinks_by_its_strength_and_drops_what_is_smaller():
    weights = jnp.asarray([[[3.0, 4.0]], [[0.0, 0.0]], [[-6.0, 8.0]]])
    np.testing.assert_allclose(shrunk(weights, 1.0), weights * jnp.asarray([0.8, 0.0, 0.9])[:, None, None], rtol=1e-15)
    np.testing.assert_array_equal(shrunk(weights, 5.0)[0], 0)
    assert np.all(np.asarray(shrunk(weights, np.nextafter(5.0, 0.0))[0]) != 0)
    for size, count in ((0.0099, 0), (0.01 * (1 + 1e-9), 1), (0.5, 1)):
        teacher = size / NORM * A
        network, memory, counts, _ = walk([LAST], problem=with_last(teacher))
        assert counts == [count]
        np.testing.assert_allclose(network.weights[0], teacher * max(0, 1 - 0.01 / size), atol=1e-12)
        np.testing.assert_array_equal(network.gates, [count, 0, 0, 0, 0])


@pytest.mark.slow
def test_d4_a_split_restores_the_old_weights_and_keeps_the_map():
    problem = with_last(at_angle(0.98))
    fitted = jax.jit(lambda network, memory, batch, block: DEFAULT.timestamped_gates(network, memory, batch, block))
    old, learned, _, _ = walk([0, 1], problem=problem)
    moved = STILL.at[0].set(at_angle(0.98) - old.weights[0]).at[1].set(0.5 * B)
    network, memory, counts, left = walk([LAST], problem=problem, start=(old, learned), moved=moved)
    # The second path is not in use: nothing is made of what it does.
    assert left < 0.05
    assert counts == [3]
    np.testing.assert_array_equal(network.weights[0], old.weights[0])
    np.testing.assert_array_equal(memory.born, [0, 1, 2, BEFORE, BEFORE])
    assert network.gates[0] == 0
    np.testing.assert_allclose(network.weights[2], at_angle(0.98), rtol=1e-12)
    np.testing.assert_allclose(network.gates[2], 0.98 / (1 - 0.01 / NORM), rtol=1e-12)
    batch = PROBLEM.population(one_hot(0))
    before = fitted(old, learned, batch, 0)
    np.testing.assert_array_equal(fitted(network, memory, batch, 0), before)
    np.testing.assert_array_equal(before[1:], 0)
    # Without timestamps the copy is there for all tasks; what was known is no less known.
    every = fitted(network, memory, batch, 2)
    assert residual(eqx.tree_at(lambda tree: tree.gates, network, every), batch) < 1e-25


def test_splits_take_the_largest_drift_first_and_say_so_when_there_is_no_room():
    start = walk([0, 1, 2, 6])[:2]  # four of five paths
    moved = STILL.at[0].set(0.3 * D).at[1].set(0.6 * D)
    network, memory, counts, _ = walk([3], start=start, moved=moved)  # the mean of the first and second
    assert counts == [5]
    assert bool(memory.full)
    np.testing.assert_array_equal(network.weights[1], start[0].weights[1])
    np.testing.assert_array_equal(network.weights[4], start[0].weights[1] + moved[1])
    np.testing.assert_array_equal(network.weights[0], start[0].weights[0] + moved[0])
    assert DEFAULT.complaints(memory) == ("the network needed more than its 5 paths; give it more.",)
    assert DEFAULT.complaints(start[1]) == ()


def test_d6_one_program_for_a_network_that_grows_to_its_capacity():
    assert walk([0, 1, 2, 5, 6, 6, 7])[2] == [1, 2, 3, 4, 5, 5, 5]
    # All tests of this module share it.
    assert TRACES.count((ResidualPath, 1)) == 1


def test_d7_the_opposite_of_a_task_needs_a_path_of_its_own():
    network, _, counts, left = walk([0, 5, 0, 5])
    assert counts == [1, 2, 2, 2]
    assert left < 1e-25
    np.testing.assert_allclose(network.weights[1], -network.weights[0], rtol=1e-12)


# With training in between.


def closed_form(strategy, problem=PROBLEM):
    return GatedContinualFlow(GradientFlow(problem.tasks, TIMES), strategy)


def descent(strategy):
    flow = ContinualFlow(PROBLEM, strategy, TIMES)
    return ContinualDescent(flow, jax.random.key(2), batch_size=16, rule=optax.trace(0.5))


RECORDED = {"alive": num_alive, "loss": lambda system, state, task: system.loss(state, task)}


def trained(system, tasks, method):
    curriculum = sequence(tasks, 8.0, NUM_TASKS)
    return simulate(system, curriculum, system.initial_state(room()), method=method, observables=RECORDED)


@pytest.mark.slow
def test_d1_trained_in_closed_form_from_random_weights():
    system, method = closed_form(DynamicallyExpandable(initial=RandomPath())), FixedSteps(max_step=8.0)
    found = trained(system, SEQUENCE, method)
    assert bool(found.result == RESULTS.successful)
    assert found.at_block_ends(found.values["alive"]).tolist() == COUNTS
    # Group lasso has taken its share of the weights, and gates make up for it.
    np.testing.assert_allclose(found.at_block_ends(found.values["loss"]), 0, atol=1e-6)
    norms = np.linalg.norm(found.final_state.network.weights, axis=(1, 2))
    np.testing.assert_allclose(norms, [NORM - 0.01] * 3 + [0] * 2, atol=1e-3)
    # More tasks than there are paths: the run goes on, and says so.
    crowded = trained(system, [0, 1, 2, 5, 6, 7, 0, 1, 2], method)
    assert crowded.at_block_ends(crowded.values["alive"]).tolist() == [1, 2, 3, 4, 5, 5, 5, 5, 5]
    assert bool(crowded.result == RESULTS.full)
    assert int(result_codes(crowded.result)) == 5


@pytest.mark.slow
def test_d1_trained_on_batches_from_random_weights():
    system = descent(DynamicallyExpandable(initial=RandomPath()))
    found = trained(system, SEQUENCE, Updates(0.05))
    assert bool(found.result == RESULTS.successful)
    assert found.at_block_ends(found.values["alive"]).tolist() == COUNTS
    np.testing.assert_allclose(found.at_block_ends(found.values["loss"]), 0, atol=1e-5)


@pytest.mark.slow
def test_a_task_below_the_threshold_is_kept_apart_by_splitting_if_the_path_drifts_far_enough():
    # The drift is tan(theta): 0.20 and 0.087 for these cosines.
    for cosine, count in ((0.98, 2), (0.9963, 1)):
        system = closed_form(DynamicallyExpandable(), with_last(at_angle(cosine)))
        found = trained(system, [0, LAST, LAST], FixedSteps(max_step=8.0))
        assert found.at_block_ends(found.values["alive"]).tolist() == [1, 1, count]


@pytest.fixture(scope="module")
def paused():
    """Descent with momentum after two blocks, and one more update of the path that the second one has taught."""
    system = descent(DynamicallyExpandable())
    network, memory, _, _ = walk([0, 1])
    moments = jax.tree.map(lambda leaf: 1 + np.arange(leaf.size, dtype=leaf.dtype).reshape(leaf.shape), network)
    state = DescentState(network, memory, optax.TraceState(trace=moments), system.data_key)
    return system, state, jax.jit(lambda state: system.update(state, one_hot(2), jnp.asarray(0.05)))


def test_d5_a_new_path_with_a_gate_of_zero_changes_nothing_for_the_others(paused):
    _, state, update = paused
    where = lambda state: (state.network.weights, state.memory.alive)  # noqa: E731
    grown = (state.network.weights.at[3].set(D), state.memory.alive.at[3].set(True))
    without, with_it = update(state), update(eqx.tree_at(where, state, grown))
    changed = np.any(np.asarray(without.network.weights != state.network.weights), axis=(1, 2))
    assert changed.tolist() == [False, True, False, False, False]
    for each in (lambda state: state.network, lambda state: state.optimiser.trace):
        np.testing.assert_array_equal(each(with_it).weights[:3], each(without).weights[:3])
        np.testing.assert_array_equal(each(with_it).gates, each(without).gates)


@pytest.mark.slow
def test_growth_leaves_the_moments_of_other_paths_alone_and_moments_move_no_frozen_path(paused):
    system, state, update = paused
    task, zero, no = one_hot(2), jnp.zeros(()), jnp.asarray(False)
    info = BlockInfo(jnp.asarray(2), zero, zero + 1, task, task, task, no, no)
    grown = jax.jit(lambda state: system.at_block_start(state, info))(state)
    assert grown.memory.added.tolist() == [False, False, True, False, False]
    before, after = (each.optimiser.trace.weights for each in (state, grown))
    others = np.array([0, 1, 3, 4])
    np.testing.assert_array_equal(after[2], 0)
    np.testing.assert_array_equal(after[others], before[others])
    moved = update(grown)
    np.testing.assert_array_equal(moved.network.weights[others], grown.network.weights[others])
    np.testing.assert_array_equal(moved.network.gates, grown.network.gates)


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("make", [closed_form, descent])
def test_it_keeps_what_systems_promise(make):
    check_system(make(DynamicallyExpandable(initial=RandomPath())), room(), alternating(NUM_TASKS, 2, 0.1))


@pytest.mark.slow
def test_several_paths_at_a_time_and_a_start_with_some():
    # The residual needs one path; the other stays at zero, and is dropped.
    assert walk(SEQUENCE, DynamicallyExpandable(num_added=2))[2] == COUNTS
    network = GatedLinear(jnp.ones(PATHS), jnp.stack([A, B, C, D, D]))
    strategy = DynamicallyExpandable(num_start=2)
    network, memory, counts, _ = walk([0, 1, 2], strategy, start=strategy.begin(PROBLEM, network))
    assert counts == [2, 2, 3]
    np.testing.assert_array_equal(memory.born, [BEFORE, BEFORE, 2, BEFORE, BEFORE])


@pytest.mark.slow
def test_growth_has_derivatives():
    # How much of D a new path takes up, by the share of it in a task.
    def taken(share):
        strategy, batch = DEFAULT, PROBLEM.population(one_hot(0) + share * one_hot(LAST))
        network, memory = strategy.begin(PROBLEM, room())
        network, memory = strategy.at_start(PROBLEM, network, memory, PROBLEM.population(one_hot(0)))
        network, memory = strategy.at_end(PROBLEM, network, memory, PROBLEM.population(one_hot(0)))
        network, memory = strategy.at_start(PROBLEM, network, memory, batch)
        return jnp.sum(network.total_map() * D)

    backward, forward = jax.jit(lambda x: (jax.grad(taken)(x), jax.jacfwd(taken)(x)))(0.5)
    np.testing.assert_allclose([backward, forward], NORM**2, rtol=1e-12)


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="num_added is 0"):
        DynamicallyExpandable(num_added=0)
    with pytest.raises(ValueError, match="split_threshold"):
        DynamicallyExpandable(split_threshold=-1.0)
    with pytest.raises(ValueError, match="scale"):
        RandomPath(-1.0)
    with pytest.raises(ValueError, match="with 5 paths; it grows a GatedLinear"):
        DynamicallyExpandable(num_start=6).begin(PROBLEM, room())
    with pytest.raises(ValueError, match="got a NeuronGatedLinear"):
        DynamicallyExpandable().begin(PROBLEM, NeuronGatedLinear(jnp.ones((2, 3)), jnp.ones((2, 3, 6))))
