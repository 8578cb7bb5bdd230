import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import (
    ContinualDescent,
    ContinualFlow,
    DataProblem,
    GivenOrder,
    SquaredError,
    TeacherProblem,
    shuffled_epochs,
)
from ntadyn.networks import GatedLinear
from ntadyn.simulation import RESULTS, Updates, simulate
from ntadyn.tasks.curricula import sequence
from ntadyn.tasks.examples import from_sets
from ntadyn.tasks.task_set import from_matrices

COUNTS, BATCH, STEPS = (7, 5), 2, 8


@pytest.fixture(scope="module")
def problem():
    """Inputs are the number of their row, so that a batch says which rows it is made of."""
    sets = from_sets([np.arange(float(count))[:, None] for count in COUNTS], [np.zeros((count, 1)) for count in COUNTS])
    return DataProblem(sets, sets, SquaredError())


@pytest.fixture(scope="module")
def order():
    return shuffled_epochs(jax.random.key(3), COUNTS, BATCH, STEPS)


def test_every_epoch_shows_everything_once_but_for_the_last_partial_batch(order):
    assert order.shape == (2, STEPS, BATCH)
    for task, count in enumerate(COUNTS):
        whole = count // BATCH
        epochs = [np.asarray(order[task, first : first + whole]).ravel() for first in range(0, STEPS - whole, whole)]
        for epoch in epochs:
            assert len(set(epoch.tolist())) == whole * BATCH
            assert set(epoch.tolist()) <= set(range(count))
        assert any(np.any(epochs[0] != other) for other in epochs[1:])


def test_epochs_are_permutations_of_their_own_keys(order):
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(3), 1), 2)
    whole = COUNTS[1] // BATCH
    expected = jax.random.permutation(key, COUNTS[1])[: whole * BATCH]
    np.testing.assert_array_equal(order[1, 2 * whole : 3 * whole].ravel(), expected)


def test_a_longer_order_begins_like_a_shorter_one(order):
    longer = shuffled_epochs(jax.random.key(3), COUNTS, BATCH, 2 * STEPS)
    np.testing.assert_array_equal(longer[:, :STEPS], order)
    assert np.any(shuffled_epochs(jax.random.key(4), COUNTS, BATCH, STEPS) != order)


def test_each_task_goes_on_where_it_was_left(problem, order):
    strategy = GivenOrder(order)
    network = GatedLinear(jnp.ones(1), jnp.ones((1, 1, 1)))
    network, memory = strategy.begin(problem, network)
    shown: dict[int, list] = {0: [], 1: []}

    @eqx.filter_jit
    def step(memory, shares):
        batch = strategy.draw(problem, memory, jax.random.key(9), shares, BATCH)
        return batch, strategy.after_step(problem, network, memory, batch, jax.random.key(8))[1]

    for task in (0, 0, 1, 0, 1, 1, 0):
        batch, memory = step(memory, jnp.eye(2)[task])
        shown[task].append(np.asarray(batch.inputs[:, 0]))
        assert batch.tasks.tolist() == [task, task]
        assert float(batch.weights.sum()) == 1
    assert memory.tolist() == [4, 3]
    for task, rows in shown.items():
        np.testing.assert_array_equal(np.asarray(rows), order[task, : len(rows)])


def test_pointers_survive_blocks_and_a_run_that_is_too_long_says_so(problem, order):
    """y = c w x against zero: after n steps gate and weight say which rows were shown."""
    flow = ContinualFlow(problem, GivenOrder(order), 1.0)
    system = ContinualDescent(flow, jax.random.key(0), BATCH, support=1)
    network = GatedLinear(jnp.ones(1), 0.1 * jnp.ones((1, 1, 1)))
    step = 0.003

    @eqx.filter_jit
    def run(tasks):
        with jax.ensure_compile_time_eval():
            curriculum = sequence(tasks, 3 * step, 2)
        return simulate(system, curriculum, system.initial_state(network), method=Updates(step))

    found = run(np.array([0, 1, 0]))
    gate, weight = 1.0, 0.1
    for task, at in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (0, 4), (0, 5)):
        square = np.mean(np.asarray(order[task, at], float) ** 2)
        slope = gate * weight * square
        gate, weight = gate - step * slope * weight, weight - step * slope * gate
    np.testing.assert_allclose(found.final_state.network.gates[0], gate, rtol=1e-12)
    np.testing.assert_allclose(found.final_state.network.weights[0, 0, 0], weight, rtol=1e-12)
    assert found.final_state.memory.tolist() == [6, 3]
    assert found.result == RESULTS.successful
    assert run(np.array([0, 0, 0])).result == RESULTS.full


def test_orders_that_do_not_fit_are_refused(problem, order):
    network = GatedLinear(jnp.ones(1), jnp.ones((1, 1, 1)))
    with pytest.raises(ValueError, match="TeacherProblem has no rows to show"):
        GivenOrder(order).begin(TeacherProblem(from_matrices(jnp.ones((2, 1, 1)))), network)
    with pytest.raises(ValueError, match="the order is of 1 tasks, the problem has 2"):
        GivenOrder(order[:1]).begin(problem, network)
    with pytest.raises(ValueError, match="names rows up to"):
        GivenOrder(order.at[1, 0, 0].set(5)).begin(problem, network)
    with pytest.raises(ValueError, match="rows are counted from 0"):
        GivenOrder(order.at[1, 0, 0].set(-1))
    with pytest.raises(ValueError, match="batches of 3 were asked for; those of the order have 2"):
        GivenOrder(order).draw(problem, jnp.zeros(2, order.dtype), jax.random.key(0), jnp.eye(2)[0], 3)


@pytest.mark.parametrize(("counts", "batch", "steps"), [((7, 5), 6, 1), ((), 1, 1), ((7,), 2, 0), ((7,), 0, 1)])
def test_epochs_without_a_whole_batch_are_refused(counts, batch, steps):
    with pytest.raises(ValueError, match="at least one step"):
        shuffled_epochs(jax.random.key(0), counts, batch, steps)
