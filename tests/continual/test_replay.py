import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import (
    ContinualDescent,
    ContinualFlow,
    CrossEntropy,
    DataProblem,
    ExampleReplay,
    GatedContinualFlow,
    MultiTask,
    OracleGates,
    Reservoir,
    TaskReplay,
    TeacherProblem,
)
from ntadyn.dynamics.gradient_flow import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.simulation import simulate
from ntadyn.simulation.whole_steps import Updates
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.examples import Batch, from_sets
from ntadyn.tasks.task_set import from_matrices


@pytest.fixture(scope="module")
def problem():
    """Task m has eight examples of class m, whose inputs are ten m plus 0 to 7."""
    inputs = [10.0 * task + np.arange(8.0)[:, None] for task in range(3)]
    examples = from_sets(inputs, [np.full(8, task) for task in range(3)])
    return DataProblem(examples, examples, CrossEntropy())


@pytest.fixture(scope="module")
def linear():
    return eqx.nn.Linear(1, 3, key=jax.random.key(0))


def numbered(first: int, number: int) -> Batch:
    """Examples whose input, target and task all are their number."""
    order = jnp.arange(first, first + number)
    return Batch(order[:, None].astype(float), order, order, jnp.full(number, 1 / number))


def empty(size: int) -> Reservoir:
    return Reservoir(jnp.zeros((size, 1)), jnp.zeros(size, int), jnp.zeros(size, int), jnp.asarray(0))


def test_the_first_examples_fill_the_reservoir_in_order():
    @jax.jit
    def filled(key):
        after = empty(7).after(key, numbered(0, 3))
        return after, after.after(key, numbered(3, 4))

    three, seven = filled(jax.random.key(0))
    assert (int(three.seen), int(three.filled)) == (3, 3)
    assert three.targets.tolist() == [0, 1, 2, 0, 0, 0, 0]
    assert (int(seven.seen), int(seven.filled)) == (7, 7)
    assert seven.targets.tolist() == seven.tasks.tolist() == seven.inputs[:, 0].tolist() == list(range(7))


def test_every_example_is_kept_with_the_same_probability():
    """Five places, 40 examples in batches of 8: each is kept with probability 1/8, whenever it came by."""
    runs = 4000

    @jax.jit
    def kept(keys):
        def one(key):
            memory = empty(5)
            for number, each in enumerate(jax.random.split(key, 5)):
                memory = memory.after(each, numbered(8 * number, 8))
            return memory.targets, memory.inputs[:, 0] - memory.tasks.astype(float)

        return jax.vmap(one)(keys)

    targets, apart = kept(jax.random.split(jax.random.key(1), runs))
    assert np.all(np.asarray(apart) == 0)
    assert np.all(np.diff(np.sort(targets, axis=1)) > 0)
    counts = np.bincount(np.asarray(targets).ravel(), minlength=40)
    # Binomial with mean 500 and standard deviation 21; the sum of 40 squares has mean 35 = 40 (1 - 1/8), deviation 9.
    assert np.abs(counts - 500).max() < 4.5 * 21
    assert np.sum((counts - 500) ** 2 / 500) < 35 + 4 * 9


def test_of_one_batch_the_later_example_stays():
    """With one place the last example takes it with probability 1/n: after n = 2 each is kept half of the time."""
    keys = jax.random.split(jax.random.key(2), 2000)
    found = jax.jit(jax.vmap(lambda key: empty(1).after(key, numbered(0, 2)).targets[0]))(keys)
    assert abs(int(jnp.sum(found)) - 1000) < 4.5 * 22.4


@pytest.mark.slow
def test_fresh_and_replayed_examples_weigh_the_same(problem, linear):
    strategy = ExampleReplay(4)
    _, memory = strategy.begin(problem, linear)
    task = jnp.array([0.0, 1.0, 0.0])

    @jax.jit
    def drawn(memory, key):
        first = strategy.draw(problem, memory, key, task, 4)
        _, after = strategy.after_step(problem, linear, memory, first, key)
        return first, after, strategy.draw(problem, after, key, task[::-1] * 0 + jnp.array([1.0, 0, 0]), 4)

    first, after, second = drawn(memory, jax.random.key(0))
    assert first.weights.tolist() == [0.25] * 4 + [0] * 4
    assert set(first.tasks[:4].tolist()) == {1}
    assert after.tasks.tolist() == [1] * 4
    np.testing.assert_array_equal(after.inputs, first.inputs[:4])
    assert second.weights.tolist() == [0.125] * 8
    assert second.tasks.tolist() == [0] * 4 + [1] * 4
    assert set(second.inputs[4:, 0].tolist()) <= set(first.inputs[:4, 0].tolist())
    np.testing.assert_allclose(second.task_shares(3), [0.5, 0.5, 0])


def test_tasks_that_were_seen_share_what_is_replayed(problem, linear):
    strategy = TaskReplay(0.25)
    task = jnp.array([0.0, 0.0, 1.0])
    _, nothing = strategy.begin(problem, linear)

    @jax.jit
    def shares():
        memory = nothing
        for ended in (0, 1, 0):
            batch = problem.population(jax.nn.one_hot(ended, 3))
            _, memory = strategy.at_end(problem, linear, memory, batch)
        return [strategy.shares(seen, now) for seen, now in ((nothing, task), (memory, task), (memory, task[::-1]))]

    # A task that comes back is practised by itself and as one of those that were seen.
    assert [each.tolist() for each in shares()] == [[0, 0, 1], [0.125, 0.125, 0.75], [0.875, 0.125, 0]]


def test_joint_training_is_the_same_at_any_time():
    strategy = MultiTask()
    assert strategy.shares((), jnp.array([1.0, 0, 0, 0])).tolist() == [0.25] * 4
    assert (strategy.sees_all_tasks, strategy.needs_task_ids, strategy.needs_boundaries) == (True, False, False)
    assert (ExampleReplay(1).needs_task_ids, ExampleReplay(1).needs_boundaries) == (False, False)
    assert (TaskReplay().needs_task_ids, TaskReplay().needs_boundaries) == (True, True)


@pytest.fixture(scope="module")
def teachers():
    """Two teachers with orthogonal rows of norm one: the loss of a zero network is o/2 = 1 on both."""
    return from_matrices(jnp.stack([jnp.eye(2, 4), jnp.eye(2, 4, 2)]))


def gated(teachers, strategy) -> GatedContinualFlow:
    flow = GradientFlow(tasks=teachers, time_constants={"gates": jnp.asarray(1e9), "weights": jnp.asarray(0.1)})
    return GatedContinualFlow(flow=flow, strategy=strategy)


def reached(system, network) -> np.ndarray:
    curriculum = alternating(2, 3, jnp.asarray(3.0))
    found = simulate(system, curriculum, system.initial_state(network))
    return np.asarray(found.values["task_loss"][-1]), found.final_state


@pytest.mark.slow
def test_bounds_of_joint_training_and_of_oracle_gates(teachers):
    """Without context (M-1)/M o/2 = 1/2 on each of M = 2 tasks; with gates that know the task 0 for that in force."""
    single = GatedLinear(jnp.ones(1), jnp.zeros((1, 2, 4)))
    losses, _ = reached(gated(teachers, MultiTask()), single)
    np.testing.assert_allclose(losses, [0.5, 0.5], atol=1e-9)
    network = GatedLinear(jnp.full(2, 0.5), jnp.full((2, 2, 4), 0.1))
    losses, final = reached(gated(teachers, OracleGates()), network)
    assert final.network.gates.tolist() == [1, 0]
    assert losses[0] < 1e-9
    np.testing.assert_allclose(final.network.weights, teachers.teachers, atol=1e-9)


@pytest.mark.slow
def test_replayed_tasks_move_the_optimum_by_their_share(teachers):
    """In block 2 of A, B, with rho = 1/4, the flow ends at W = 3/4 B + 1/4 A: losses 9/8 and 1/8, as |A - B|^2 = 4."""
    system = gated(teachers, TaskReplay(0.25))
    state = system.initial_state(GatedLinear(jnp.ones(1), jnp.zeros((1, 2, 4))))
    found = simulate(system, alternating(2, 2, jnp.asarray(3.0)), state)
    np.testing.assert_allclose(found.values["task_loss"][-1], [9 / 8, 1 / 8], atol=1e-9)


def test_oracle_gates_need_a_path_for_every_task(teachers):
    with pytest.raises(ValueError, match="with 1 gated paths cannot tell 2 tasks apart"):
        gated(teachers, OracleGates()).initial_state(GatedLinear(jnp.ones(1), jnp.zeros((1, 2, 4))))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TaskReplay(1.5), "share is 1.5; it must lie between 0 and 1"),
        (lambda: ExampleReplay(0), "size is 0; it must be 1 or more|size is 0; it must be at least 1"),
    ],
)
def test_sizes_out_of_range_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_replay_of_examples_is_refused_in_flows(teachers):
    with pytest.raises(ValueError, match="ExampleReplay draws batches or acts after every step"):
        gated(teachers, ExampleReplay(4))
    flow = ContinualFlow(TeacherProblem(teachers), ExampleReplay(4), jnp.asarray(1.0))
    state = flow.initial_state(GatedLinear(jnp.ones(1), jnp.zeros((1, 2, 4))))
    with pytest.raises(ValueError, match="use ContinualDescent"):
        simulate(flow, alternating(2, 2, jnp.asarray(1.0)), state)


@pytest.mark.slow
def test_a_small_memory_keeps_an_earlier_task(problem, linear):
    system = ContinualDescent(ContinualFlow(problem, ExampleReplay(4), jnp.asarray(2.0)), jax.random.key(3), 4)
    curriculum = alternating(3, 2, jnp.asarray(40.0))
    found = simulate(system, curriculum, system.initial_state(linear), method=Updates(1.0))
    memory = found.final_state.memory
    assert int(memory.seen) == 2 * 40 * 4
    assert set(memory.tasks.tolist()) <= {0, 1}
    assert np.all(memory.targets == memory.tasks)
    assert np.all(np.asarray(memory.inputs)[:, 0] // 10 == np.asarray(memory.tasks))
