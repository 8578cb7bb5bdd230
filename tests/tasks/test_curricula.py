"""Curricula: edges, block lengths, random orders, cuts, and messages for orders that cannot be."""

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import Blocked, Smooth, curricula
from ntadyn.tasks.named import named, published_step_count

KEY = jax.random.key(5)
ROUNDING = 1e-12  # sums of a few tens of float64 durations

durations_lists = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12)


def tasks_of(curriculum):
    return curriculum.tasks.tolist()


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
    assert np.allclose(np.diff(edges), durations, atol=ROUNDING * edges[-1])
    for block, task in enumerate(order):
        weights = np.asarray(curriculum.weights(block, edges[block]))
        assert weights.shape == (num_tasks,)
        assert weights.sum() == 1.0
        assert weights[task] == 1.0


@hypothesis.given(durations=durations_lists, fraction=st.floats(0.01, 1.0))
@hypothesis.settings(max_examples=15)
def test_until_ends_where_it_is_told(durations, fraction):
    curriculum = curricula.alternating(2, len(durations), durations)
    end = fraction * float(curriculum.total_time)
    cut = curricula.until(curriculum, end)
    assert float(cut.total_time) == pytest.approx(end, rel=ROUNDING)
    assert np.array_equal(cut.edges[:-1], curriculum.edges[: cut.num_blocks])
    assert tasks_of(cut) == tasks_of(curriculum)[: cut.num_blocks]


def test_until_at_an_edge_keeps_whole_blocks():
    curriculum = curricula.alternating(2, 30, 0.1)
    for end in (0.3, 0.1 + 0.2, float(curriculum.edges[3])):
        cut = curricula.until(curriculum, end)
        assert cut.durations.tolist() == [0.1, 0.1, 0.1]
    # 30 times 0.1 is not 3 in binary: neither an error nor a sliver.
    assert curricula.until(curriculum, 3.0).num_blocks == 30


def test_until_of_the_published_time_axis():
    block = 0.001 * published_step_count(1.0, 0.001)
    cut = curricula.until(curricula.alternating(2, 22, block), 20.0)
    assert cut.num_blocks == 21
    # 20 unit-step steps into block index 20.
    assert float(cut.durations[-1]) == pytest.approx(0.020, abs=1e-9)


def test_until_keeps_float32():
    cut = curricula.until(curricula.alternating(2, 3, jnp.float32(1.0)), 2.5)
    assert cut.durations.dtype == jnp.float32


def test_weights_work_under_jit_and_vmap():
    curriculum = curricula.sequence([2, 0, 1], 1.0, 3)
    weights = eqx.filter_jit(lambda c, block, t: c.weights(block, t))(curriculum, jnp.asarray(1), jnp.asarray(0.5))
    assert weights.tolist() == [1.0, 0.0, 0.0]
    table = jax.vmap(curriculum.weights, in_axes=(0, None))(jnp.arange(3), 0.0)
    assert np.array_equal(table, np.eye(3)[[2, 0, 1]])


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
        return jax.vmap(lambda duration: (build(duration).edges, build(duration).weights(1, 1.5 * duration)))(values)

    edges, weights = ends(jnp.array([1.0, 2.0]))
    ends(jnp.array([3.0, 4.0]))
    assert len(traces) == 1
    assert np.allclose(edges, np.array([[0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 4.0, 6.0]]), atol=ROUNDING)
    assert np.allclose(weights[0], build(jnp.asarray(1.0)).weights(1, 1.5), atol=ROUNDING)


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
    assert curriculum.weights(0, jnp.float32(0.1)).dtype == jnp.float32
    assert curriculum.weights(0, 0.1).dtype == jnp.float32
    assert not curriculum.durations.weak_type


def test_whole_numbers_become_floats():
    assert curricula.alternating(2, 3, 1).durations.dtype == jnp.zeros(()).dtype
    assert not curricula.alternating(2, 3, 1.0).durations.weak_type


def test_from_switch_times():
    curriculum = curricula.from_switch_times([0.5, 2.0, 2.25], [1, 0, 2, 1], 4.0, 3)
    assert curriculum.switch_times.tolist() == [0.5, 2.0, 2.25]
    assert curriculum.durations.tolist() == [0.5, 1.5, 0.25, 1.75]
    assert tasks_of(curriculum) == [1, 0, 2, 1]
    assert curricula.from_switch_times([], [0], 4.0, 1).edges.tolist() == [0.0, 4.0]


def test_random_order_uses_every_task_alike_and_repeats():
    curriculum = curricula.random_order(KEY, 4, 4000, 1.0)
    order = np.asarray(curriculum.tasks)
    # Binomial: standard deviation of a share is sqrt(.25 * .75 / 4000) = 0.007; five of them.
    assert np.allclose(np.bincount(order, minlength=4) / 4000, 0.25, atol=0.035)
    assert np.mean(order[1:] == order[:-1]) == pytest.approx(0.25, abs=0.035)


def test_random_order_without_repeats():
    order = np.asarray(curricula.random_order_without_repeats(KEY, 4, 4000, 1.0).tasks)
    assert not np.any(order[1:] == order[:-1])
    assert np.allclose(np.bincount(order, minlength=4) / 4000, 0.25, atol=0.035)
    followers = np.bincount(order[1:][order[:-1] == 2], minlength=4)
    assert followers[2] == 0
    # About 1000 followers: five standard deviations of a share of 1/3 are 0.075.
    assert np.allclose(followers[[0, 1, 3]] / followers.sum(), 1 / 3, atol=0.075)
    two = np.asarray(curricula.random_order_without_repeats(KEY, 2, 9, 1.0).tasks)
    assert np.all(np.diff(two) != 0)


@pytest.mark.parametrize("draw", [curricula.random_order, curricula.random_order_without_repeats])
def test_random_orders_vmap_over_keys(draw):
    keys = jax.random.split(KEY, 3)
    batch = eqx.filter_vmap(lambda key: draw(key, 3, 20, 1.0))(keys)
    assert np.array_equal(batch.tasks[2], draw(keys[2], 3, 20, 1.0).tasks)
    assert not np.array_equal(batch.tasks[0], batch.tasks[1])


def test_with_durations_takes_the_first_blocks():
    curriculum = curricula.sequence([2, 0, 1], 1.0, 3).with_durations(jnp.array([0.5, 4.0]))
    assert tasks_of(curriculum) == [2, 0]
    assert curriculum.edges.tolist() == [0.0, 0.5, 4.5]


@pytest.mark.parametrize(
    "curriculum", [curricula.alternating(2, 2, 1.0), Smooth(100.0, 1.0, 2)], ids=["blocked", "smooth"]
)
def test_with_durations_messages(curriculum):
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


@pytest.mark.parametrize("times", [[2.0, 1.0], [1.0, 1.0], [0.0, 1.0], [1.0, 3.0], [1.0, 4.0]])
def test_switch_times_out_of_order(times):
    with pytest.raises(ValueError, match=r"got switch times .* and total 3.0; .*strictly increasing.*Sort them"):
        curricula.from_switch_times(times, [0, 1, 0], 3.0, 2)


def test_switch_times_need_one_more_task():
    with pytest.raises(ValueError, match=r"shape \(3,\) for 2 blocks"):
        curricula.from_switch_times([1.0, 2.0], [0, 1], 3.0, 2)


def test_until_messages():
    curriculum = curricula.alternating(2, 3, 1.0)
    with pytest.raises(ValueError, match="total_time = 3.5 for a curriculum of 3; .*Ask for more blocks"):
        curricula.until(curriculum, 3.5)
    for end in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="allowed is above 0"):
            curricula.until(curriculum, end)
    with pytest.raises(ValueError, match="got traced times.*before entering"):
        jax.jit(lambda duration: curricula.until(curricula.alternating(2, 3, duration), 1.5).edges)(1.0)


def test_count_messages():
    with pytest.raises(ValueError, match="alternating: got num_tasks = 0, num_blocks = 3"):
        curricula.alternating(0, 3, 1.0)
    with pytest.raises(ValueError, match="random_order: got num_tasks = 2, num_blocks = 0"):
        curricula.random_order(KEY, 2, 0, 1.0)
    with pytest.raises(ValueError, match="num_tasks = 1, num_blocks = 3; allowed are at least 2"):
        curricula.random_order_without_repeats(KEY, 1, 3, 1.0)
