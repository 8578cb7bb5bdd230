"""Blocks and their edges: rounding, programs, dtypes, and messages for blocks that cannot be; in both precisions."""

from fractions import Fraction

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import Blocked, Smooth, curricula
from ntadyn.tasks.named import named
from tests.tasks.exact_times import default_dtype, durations_lists, eps, exact_edges

pytestmark = pytest.mark.usefixtures("precision")

KEY = jax.random.key(5)


def test_edges_of_unequal_blocks():
    curriculum = curricula.sequence([0, 1, 0], [1.0, 0.5, 2.0], 2)
    assert curriculum.edges.tolist() == [0.0, 1.0, 1.5, 3.5]
    assert curriculum.switch_times.tolist() == [1.0, 1.5]
    assert float(curriculum.total_time) == 3.5
    assert curriculum.num_blocks == 3


@hypothesis.given(durations=durations_lists, num_tasks=st.integers(1, 5), data=st.data())
@hypothesis.settings(max_examples=15)
def test_blocked_properties(durations, num_tasks, data):
    order = data.draw(st.lists(st.integers(0, num_tasks - 1), min_size=len(durations), max_size=len(durations)))
    curriculum = curricula.sequence(order, durations, num_tasks)
    edges = np.asarray(curriculum.edges)
    assert edges[0] == 0.0
    assert edges.shape == (len(durations) + 1,)
    assert np.all(np.diff(edges) > 0.0)
    assert edges.tolist() == exact_edges(curriculum.durations).tolist()
    assert curriculum.switch_times.tolist() == edges[1:-1].tolist()
    assert float(curriculum.total_time) == edges[-1]
    for block, task in enumerate(order):
        weights = np.asarray(curriculum.task(block, edges[block]))
        assert weights.shape == (num_tasks,)
        assert weights.sum() == 1.0
        assert weights[task] == 1.0


def test_a_million_tenths_do_not_drift():
    curriculum = curricula.alternating(2, 1_000_000, 0.1)
    tenth = Fraction(float(curriculum.durations[0]))
    for block in (1, 123_457, 1_000_000):
        assert float(curriculum.edges[block]) == float(default_dtype().type(float(block * tenth)))


def test_traced_edges_lose_a_few_units_in_the_last_place():
    curriculum = curricula.alternating(2, 10_000, 0.1)
    traced = jax.jit(lambda durations: curriculum.with_durations(durations).edges)(curriculum.durations)
    np.testing.assert_allclose(traced, curriculum.edges, rtol=14 * eps() / 2)


def test_blocks_that_begin_and_end_at_one_time_are_refused():
    short = 1000.0 * eps() / 8
    message = rf"Blocked: block 1 lasts .* from t = 1000 on, where the numbers of {default_dtype()} lie .* Use double"
    with pytest.raises(ValueError, match=message):
        curricula.sequence([0, 1], [1000.0, short], 2)
    assert curricula.sequence([1, 0], [short, 1000.0], 2).num_blocks == 2
    with pytest.raises(ValueError, match="Smooth: block 1 lasts"):
        Smooth(100.0, 1000.0, 2).with_durations(jnp.asarray([1000.0, short]))


def test_runs_longer_than_the_largest_number_are_refused():
    largest = float(jnp.finfo(default_dtype()).max)
    with pytest.raises(ValueError, match="the 3 blocks last longer together than the largest number of"):
        curricula.alternating(2, 3, 0.5 * largest)


def test_tasks_work_under_jit_and_vmap():
    curriculum = curricula.sequence([2, 0, 1], 1.0, 3)
    weights = eqx.filter_jit(lambda c, block, t: c.task(block, t))(curriculum, jnp.asarray(1), jnp.asarray(0.5))
    assert weights.tolist() == [1.0, 0.0, 0.0]
    table = jax.vmap(curriculum.task, in_axes=(0, None))(jnp.arange(3), 0.0)
    assert np.array_equal(table, np.eye(3)[[2, 0, 1]])


@pytest.mark.representatives(8)
@pytest.mark.parametrize(
    "build",
    [
        lambda duration: curricula.alternating(2, 3, duration),
        lambda duration: curricula.sequence([0, 1, 1], duration, 2),
        lambda duration: named("A_B__", 3, 2, 0, duration),
        lambda duration: curricula.random_order(KEY, 2, 3, duration),
        lambda duration: curricula.from_switch_times(duration * jnp.array([1.0, 2.0]), [0, 1, 0], 3.0 * duration, 2),
        lambda duration: Smooth(100.0, duration, 3),
    ],
)
def test_block_length_sweeps_vmap_and_compile_once(build):
    traces = []

    @jax.jit
    def ends(values):
        traces.append(1)
        return jax.vmap(lambda duration: (build(duration).edges, build(duration).task(1, 1.5 * duration)))(values)

    edges, weights = ends(jnp.array([1.0, 2.0]))
    ends(jnp.array([3.0, 4.0]))
    assert len(traces) == 1
    assert np.allclose(edges, np.array([[0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 4.0, 6.0]]), atol=8 * eps())
    assert np.allclose(weights[0], build(jnp.asarray(1.0)).task(1, 1.5), atol=8 * eps())


def test_durations_are_a_leaf_and_num_tasks_is_not():
    curriculum = curricula.alternating(2, 3, 1.0)
    batch = eqx.tree_at(lambda c: c.durations, curriculum, jnp.arange(1.0, 7.0).reshape(2, 3))
    axes = eqx.tree_at(lambda c: (c.tasks, c.durations), curriculum, (None, 0))
    totals = eqx.filter_vmap(lambda c: c.total_time, in_axes=(axes,))(batch)
    assert totals.tolist() == [6.0, 15.0]
    assert len(jax.tree.leaves(curriculum)) == 2


@pytest.mark.parametrize(
    "build",
    [
        lambda duration: curricula.alternating(2, 3, duration),
        lambda duration: named("A_B__AB__", 4, 2, 1, duration),
        lambda duration: curricula.random_order_without_repeats(KEY, 2, 3, duration),
        lambda duration: Smooth(100.0, duration, 3),
    ],
)
def test_float32_is_kept(build):
    curriculum = build(jnp.float32(0.7))
    assert curriculum.durations.dtype == jnp.float32
    assert curriculum.edges.dtype == jnp.float32
    assert curriculum.task(0, jnp.float32(0.1)).dtype == jnp.float32
    assert curriculum.task(0, 0.1).dtype == jnp.float32
    assert not curriculum.durations.weak_type


def test_whole_numbers_become_floats():
    assert curricula.alternating(2, 3, 1).durations.dtype == jnp.zeros(()).dtype
    assert not curricula.alternating(2, 3, 1.0).durations.weak_type


def test_with_durations_takes_the_first_blocks():
    curriculum = curricula.sequence([2, 0, 1], 1.0, 3).with_durations(jnp.array([0.5, 4.0]))
    assert curriculum.tasks.tolist() == [2, 0]
    assert curriculum.edges.tolist() == [0.0, 0.5, 4.5]


@pytest.mark.parametrize(
    "build",
    [lambda: curricula.alternating(2, 2, 1.0), lambda: Smooth(100.0, 1.0, 2)],
    ids=["blocked", "smooth"],
)
def test_with_durations_messages(build):
    curriculum = build()
    with pytest.raises(ValueError, match=r"shape \(3,\) for 2 blocks; allowed is a vector of 1 to 2"):
        curriculum.with_durations(jnp.ones(3))
    with pytest.raises(ValueError, match=r"durations \[1.0, -1.0\]; every block must last"):
        curriculum.with_durations(jnp.array([1.0, -1.0]))


@pytest.mark.parametrize("durations", [0.0, -1.0, float("nan"), float("inf"), [1.0, 0.0]])
def test_durations_must_be_positive_and_finite(durations):
    with pytest.raises(ValueError, match="every block must last a positive, finite time"):
        curricula.sequence([0, 1], durations, 2)


@pytest.mark.parametrize("tasks", [[0, 2], [-1, 0]])
def test_task_indices_must_be_in_range(tasks):
    with pytest.raises(ValueError, match=r"num_tasks = 2; allowed are indices 0 to 1"):
        curricula.sequence(tasks, 1.0, 2)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"shape \(3,\) for 2 blocks"):
        curricula.sequence([0, 1], [1.0, 1.0, 1.0], 2)
    # The class itself: with type checking on, the shapes are compared before the message is reached.
    with pytest.raises((ValueError, TypeError), match=r"shape \(2,\) for durations|Type-check error|type-check"):
        Blocked(jnp.array([0, 1]), jnp.ones(3), 2)


@pytest.mark.parametrize("tasks", [[], np.zeros((2, 2), int)])
def test_tasks_must_be_a_vector_of_indices(tasks):
    with pytest.raises((ValueError, TypeError), match="allowed is a vector of integers|Type-check error"):
        curricula.sequence(tasks, 1.0, 2)
