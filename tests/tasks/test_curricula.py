"""Curricula: edges, block lengths, random orders, cuts, and messages for orders that cannot be; in both precisions."""

from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import Blocked, Listed, Smooth, curricula
from ntadyn.tasks.named import named, published_step_count

pytestmark = pytest.mark.usefixtures("precision")

KEY = jax.random.key(5)

# No block so short that single precision could not tell its end from its start.
durations_lists = st.lists(st.floats(1e-2, 1e3), min_size=1, max_size=12)


def default_dtype():
    return np.zeros(()).astype(jnp.result_type(float)).dtype


def eps():
    return float(jnp.finfo(default_dtype()).eps)


def exact_edges(durations):
    """Exact sums, each rounded once."""
    kind = durations.dtype.type
    sums = accumulate(Fraction(float(duration)) for duration in np.asarray(durations))
    return np.array([0.0, *(float(total) for total in sums)]).astype(kind)


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
    assert edges.tolist() == exact_edges(curriculum.durations).tolist()
    assert curriculum.switch_times.tolist() == edges[1:-1].tolist()
    assert float(curriculum.total_time) == edges[-1]
    for block, task in enumerate(order):
        weights = np.asarray(curriculum.task(block, edges[block]))
        assert weights.shape == (num_tasks,)
        assert weights.sum() == 1.0
        assert weights[task] == 1.0


@hypothesis.given(durations=durations_lists, fraction=st.floats(0.01, 1.0))
@hypothesis.settings(max_examples=15)
def test_until_ends_where_it_is_told(durations, fraction):
    curriculum = curricula.alternating(2, len(durations), durations)
    end = fraction * float(curriculum.total_time)
    cut = curricula.until(curriculum, end)
    assert float(cut.total_time) == pytest.approx(end, rel=eps())
    assert np.array_equal(cut.edges[:-1], curriculum.edges[: cut.num_blocks])
    assert tasks_of(cut) == tasks_of(curriculum)[: cut.num_blocks]


def test_until_at_an_edge_keeps_whole_blocks():
    curriculum = curricula.alternating(2, 30, 0.1)
    for end in (0.3, 0.1 + 0.2, float(curriculum.edges[3])):
        cut = curricula.until(curriculum, end)
        assert cut.durations.tolist() == curriculum.durations[:3].tolist()
    # 30 times 0.1 is not 3 in binary: neither an error nor a sliver.
    assert curricula.until(curriculum, 3.0).num_blocks == 30


def test_until_of_the_published_time_axis():
    block = 0.001 * published_step_count(1.0, 0.001)
    cut = curricula.until(curricula.alternating(2, 22, block), 20.0)
    assert cut.num_blocks == 21
    # 20 unit-step steps into block index 20.
    assert float(cut.durations[-1]) == pytest.approx(0.020, abs=20 * eps())


@pytest.mark.parametrize("dtype", [None, jnp.float32])
def test_until_keeps_the_dtype(dtype):
    cut = curricula.until(curricula.alternating(2, 3, jnp.asarray(1.0, dtype)), 2.5)
    assert cut.durations.dtype == (dtype or default_dtype())
    assert cut.durations.tolist() == [1.0, 1.0, 0.5]


decimals = st.builds(lambda digits, power: Decimal(digits).scaleb(power), st.integers(1, 99_999), st.integers(-6, 2))


def ways_to_write(count, duration):
    """The end of so many blocks of one duration, as people compute it in double precision."""
    number = float(duration)
    return [
        float(count * duration),
        count * number,
        count / (1 / number),
        np.linspace(0, float(2 * count * duration), 3)[1],
        float(np.cumsum(np.full(count, number))[-1]),
    ]


@pytest.mark.representatives(1)
@hypothesis.given(count=st.integers(1, 100_000), more=st.integers(0, 3), duration=decimals)
@hypothesis.settings(max_examples=40)
def test_the_number_of_blocks_is_exact(count, more, duration):
    curriculum = curricula.alternating(2, count + more, float(duration))
    for end in [*ways_to_write(count, duration), float(curriculum.edges[count])]:
        cut = curricula.until(curriculum, end)
        assert cut.num_blocks == count
        assert float(cut.total_time) == pytest.approx(end, rel=2 * eps() + count * 2.0**-53, abs=0)
        assert curricula.num_blocks_until(end, float(duration)) == count


@hypothesis.given(count=st.integers(1, 100_000), duration=decimals, share=st.floats(0.01, 0.99))
@hypothesis.settings(max_examples=25)
def test_an_end_inside_a_block_cuts_it(count, duration, share):
    whole = curricula.alternating(2, count, float(duration))
    number = Fraction(float(whole.durations[0]))
    # Rounded sums of as many durations may lie this far off, in units of one of them.
    hypothesis.assume(count * eps() < min(share, 1 - share))
    end = float((count - 1 + Fraction(share)) * number)
    cut = curricula.until(whole, end)
    assert cut.num_blocks == curricula.num_blocks_until(end, float(duration)) == count
    assert float(cut.total_time) == pytest.approx(end, rel=eps(), abs=0)
    last = Fraction(end) - (count - 1) * number
    assert float(cut.durations[-1]) == pytest.approx(float(last), rel=2 * eps(), abs=2.0**-52 * end)


@pytest.mark.parametrize("thirds", [3, 7, 50_001])
def test_blocks_of_a_third(thirds):
    end = thirds / 3
    assert curricula.num_blocks_until(end, 1 / 3) == thirds
    assert curricula.until(curricula.alternating(2, thirds, 1 / 3), end).num_blocks == thirds


def test_ten_thousand_blocks_of_one():
    curriculum = curricula.until(curricula.alternating(2, 10_000, 1.0), 10_000.0)
    assert curriculum.num_blocks == 10_000
    assert curriculum.edges.tolist() == list(range(10_001))


def test_a_million_tenths_do_not_drift():
    curriculum = curricula.alternating(2, 1_000_000, 0.1)
    tenth = Fraction(float(curriculum.durations[0]))
    for block in (1, 123_457, 1_000_000):
        assert float(curriculum.edges[block]) == float(default_dtype().type(float(block * tenth)))


def test_traced_edges_lose_a_few_units_in_the_last_place():
    curriculum = curricula.alternating(2, 10_000, 0.1)
    traced = jax.jit(lambda durations: curriculum.with_durations(durations).edges)(curriculum.durations)
    np.testing.assert_allclose(traced, curriculum.edges, rtol=14 * eps() / 2)


def test_numbers_of_blocks_of_no_length_are_refused():
    for total, duration in ((1.0, 0.0), (1.0, -1.0), (float("inf"), 1.0), (1.0, float("inf")), (0.0, 1.0)):
        with pytest.raises(ValueError, match=f"got total_time = {total} and duration = {duration}, which is"):
            curricula.num_blocks_until(total, duration)
    assert curricula.num_blocks_until(1e300, 1e-30) > 10**300


def test_only_rounding_makes_an_end_a_block_edge():
    curriculum = curricula.alternating(2, 9, 1000.0)
    # One unit in the last place is clear in single precision; in double precision it is what arithmetic costs.
    clear = eps() if default_dtype() == np.float32 else 8 * eps()
    assert curricula.until(curriculum, 4000.0 * (1 + clear)).num_blocks == 5
    assert curricula.until(curriculum, 4000.0 * (1 - clear)).durations[-1] < 1000.0
    assert curricula.until(curriculum, 4000.0 * (1 + eps() / 4)).num_blocks == 4
    with pytest.raises(ValueError, match=r"for a curriculum of 9000; allowed"):
        curricula.until(curriculum, 9000.0 * (1 + clear))


def test_an_end_in_single_precision_is_as_exact_as_that():
    curriculum = curricula.alternating(2, 10, 0.1)
    assert curricula.until(curriculum, jnp.float32(0.3)).num_blocks == 3


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


def test_from_switch_times():
    curriculum = curricula.from_switch_times([0.5, 2.0, 2.25], [1, 0, 2, 1], 4.0, 3)
    assert curriculum.switch_times.tolist() == [0.5, 2.0, 2.25]
    assert curriculum.durations.tolist() == [0.5, 1.5, 0.25, 1.75]
    assert tasks_of(curriculum) == [1, 0, 2, 1]
    assert curricula.from_switch_times([], [0], 4.0, 1).edges.tolist() == [0.0, 4.0]


@hypothesis.given(steps=st.lists(st.integers(1, 5000), min_size=2, max_size=80), unit=decimals)
@hypothesis.settings(max_examples=30)
def test_switches_are_where_they_were_asked_for(steps, unit):
    times = [float(step * unit) for step in accumulate(steps)]
    check_switches(curricula.from_switch_times(times[:-1], np.arange(len(steps)) % 2, times[-1], 2), times)


def test_ten_thousand_switches_do_not_drift():
    times = np.cumsum(np.tile([0.013, 7.7], 5000))
    check_switches(curricula.from_switch_times(times[:-1], np.arange(10_000) % 2, times[-1], 2), times)


def check_switches(curriculum, times):
    """Sums of durations are exact to a unit in the last place of the times, and edges what is next to the sums."""
    rounded = np.asarray(times).astype(default_dtype())
    sums = list(accumulate(Fraction(float(duration)) for duration in np.asarray(curriculum.durations)))
    for found, asked, unit in zip(sums, rounded, np.spacing(rounded), strict=True):
        assert abs(found - Fraction(float(asked))) <= Fraction(float(unit))
    assert curriculum.edges.tolist() == exact_edges(curriculum.durations).tolist()


def test_switches_that_are_one_number_are_refused():
    with pytest.raises(ValueError, match=rf"not equal in {default_dtype()}"):
        curricula.from_switch_times(np.array([1.0, 1.0 + eps() / 4]), [0, 1, 0], 2.0, 2)


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


@pytest.mark.representatives(2)
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


def test_listed_tasks_are_whatever_arrays_say():
    tasks = {"set": jnp.array([3, 1, 2]), "rows": jnp.arange(6.0).reshape(3, 2)}
    listed = Listed(tasks=tasks, durations=jnp.array([1.0, 2.0, 1.0]), num_tasks=4)
    found = eqx.filter_jit(listed.task)(jnp.asarray(1), 1.5)
    assert int(found["set"]) == 1
    assert found["rows"].tolist() == [2.0, 3.0]
    shorter = curricula.until(listed, 1.5)
    assert shorter.durations.tolist() == [1.0, 0.5]
    assert shorter.tasks["set"].tolist() == [3, 1]
    with pytest.raises(ValueError, match="needs one entry per block"):
        Listed(tasks=tasks, durations=jnp.ones(2), num_tasks=4)


@pytest.mark.parametrize(
    ("resumes", "expected"),
    [(False, [0, 1, 0, 2, 3, 2, 1, 0, 1, 3, 2, 3]), (True, [0, 1, 0, 2, 3, 2, 0, 1, 0, 2, 3, 2])],
)
def test_contexts_take_turns_and_remember_their_task(resumes, expected):
    assert curricula.in_contexts((2, 2), (3,), 12, 1.0, resumes).tasks.tolist() == expected


def test_contexts_may_be_nested():
    order = curricula.in_contexts((2, 2, 2), (2, 3), 14, 1.0).tasks.tolist()
    assert order == [0, 1, 0, 2, 3, 2, 4, 5, 4, 6, 7, 6, 1, 0]
    assert curricula.in_contexts((3,), (), 4, 1.0).tasks.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("arguments", [((), (), 4), ((2, 2), (), 4), ((2, 0), (3,), 4), ((2, 2), (3,), 0)])
def test_contexts_that_cannot_be_are_refused(arguments):
    with pytest.raises(ValueError, match="in_contexts: got branches"):
        curricula.in_contexts(*arguments, 1.0)
