"""Curricula: published schedules and bookkeeping, smooth switching, edges, and messages for orders that cannot be."""

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import Blocked, Smooth, curricula

KEY = jax.random.key(5)
ROUNDING = 1e-12  # sums of a few tens of float64 durations

durations_lists = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12)


def tasks_of(curriculum):
    return curriculum.tasks.tolist()


def all_weights(curriculum, times):
    return jax.vmap(lambda t: curriculum.weights(0, t))(jnp.asarray(times))


# num_blocks 8: training in blocks 0 to 5, test in blocks 6 and 7.
@pytest.mark.parametrize(
    ("name", "num_base", "num_composites", "tasks"),
    [
        ("A_B__", 2, 0, [0, 1, 0, 1, 0, 1, 0, 1]),
        ("A_B__", 3, 0, [0, 1, 2, 0, 1, 2, 0, 1]),
        ("A_B__AB__", 2, 1, [0, 1, 0, 1, 0, 1, 2, 2]),
        ("B_AB__A_B_AB__", 2, 1, [1, 2, 1, 2, 1, 2, 0, 1]),
        ("B_AB__A_B__", 2, 1, [1, 2, 1, 2, 1, 2, 0, 1]),
        ("AB_BC__", 3, 3, [3, 4, 3, 4, 3, 4, 3, 4]),
        ("AB_BC_CA__", 3, 3, [3, 4, 5, 3, 4, 5, 3, 4]),
        ("A_B_C__AB_BC_CA__", 3, 3, [0, 1, 2, 0, 1, 2, 3, 4]),
        ("AB_BC_CA__A_B_C__", 3, 3, [3, 4, 5, 3, 4, 5, 0, 1]),
        ("AB_CD__AD__", 4, 4, [4, 6, 4, 6, 4, 6, 7, 7]),
        ("AB_BC_CD_DA__AC_BD__", 4, 6, [4, 5, 6, 7, 4, 5, 8, 9]),
    ],
)
def test_named_tables(name, num_base, num_composites, tasks):
    curriculum = curricula.named(name, 8, num_base, num_composites, 1.0)
    assert tasks_of(curriculum) == tasks
    assert curriculum.num_tasks == num_base + num_composites


def test_three_phase_test_block_differs_from_two_phase():
    # Blocks 9 to 11 tell b mod 3 from b mod 2.
    assert tasks_of(curricula.named("B_AB__A_B_AB__", 12, 2, 1, 1.0))[9:] == [0, 1, 2]
    assert tasks_of(curricula.named("B_AB__A_B__", 12, 2, 1, 1.0))[9:] == [1, 0, 1]


def test_every_named_curriculum_is_tested():
    tested = {mark.args[1][row][0] for mark in test_named_tables.pytestmark for row in range(len(mark.args[1]))}
    assert tested == set(curricula.NAMED)


def test_fig_3_switches_at_block_23():
    assert curricula.published_switch_block(31) == 23
    assert curricula.published_switch_block(30) == 22
    num_blocks = curricula.published_num_blocks(30.0, 1.0)
    curriculum = curricula.named("A_B_C__AB_BC_CA__", num_blocks, 3, 3, 1.0)
    assert curriculum.num_blocks == 31
    assert tasks_of(curriculum)[21:27] == [0, 1, 5, 3, 4, 5]


@pytest.mark.parametrize(
    ("duration", "dt", "steps"),
    [
        (1.0, 0.001, 999),
        (1.0, 0.01, 99),
        (0.8, 0.001, 800),
        (0.6, 0.001, 599),
        (0.4, 0.001, 400),
        (0.1, 0.001, 100),
        (5, 1e-4, 49999),
    ],
)
def test_published_step_count(duration, dt, steps):
    assert curricula.published_step_count(duration, dt) == steps


@pytest.mark.parametrize(
    ("total", "duration", "blocks"),
    [(20, 1.0, 21), (30, 1.0, 31), (25, 1.0, 26), (7, 1.0, 8), (7, 0.8, 9), (7, 0.6, 12), (7, 0.4, 18), (7, 0.1, 70)],
)
def test_published_num_blocks(total, duration, blocks):
    assert curricula.published_num_blocks(total, duration) == blocks


def test_block_starts_of_the_published_run(shared):
    reference = np.load(shared / "reference" / "fig2_flexible.npz")
    block = 0.001 * curricula.published_step_count(1.0, 0.001)
    curriculum = curricula.alternating(2, 20, block)
    # Stored once per record, so up to two records (0.002 each) late.
    assert np.abs(reference["t_block_end"] - np.asarray(curriculum.switch_times)).max() < 0.005


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
    block = 0.001 * curricula.published_step_count(1.0, 0.001)
    cut = curricula.until(curricula.alternating(2, 22, block), 20.0)
    assert cut.num_blocks == 21
    # 20 unit-step steps into block index 20.
    assert float(cut.durations[-1]) == pytest.approx(0.020, abs=1e-9)


def test_until_shortens_smooth_curricula_without_speeding_them_up():
    smooth = Smooth(100.0, 5.0, 3)
    cut = curricula.until(smooth, 7.0)
    assert cut.durations.tolist() == [5.0, 2.0]
    assert jnp.array_equal(cut.weights(1, 6.5), smooth.weights(1, 6.5))


def test_until_keeps_float32():
    cut = curricula.until(curricula.alternating(2, 3, jnp.float32(1.0)), 2.5)
    assert cut.durations.dtype == jnp.float32


@pytest.mark.parametrize(
    ("t", "expected", "digits"),
    [
        (0.0, 0.960, 5e-4),
        (0.01, 0.978, 5e-4),
        (0.1, 0.989, 5e-4),
        (1.0, 0.9989, 5e-5),
        (2.5, 1.0, 5e-5),
        (4.9, 0.989, 5e-4),
    ],
)
def test_smooth_values(t, expected, digits):
    weights = Smooth(100.0, 5.0, 2).weights(0, t)
    assert float(weights[0]) == pytest.approx(expected, abs=digits)
    assert float(jnp.sum(weights)) == pytest.approx(1.0, abs=ROUNDING)


@pytest.mark.parametrize("num_tasks", [2, 3, 4])
def test_smooth_weights_sum_to_one_and_follow_the_blocks(num_tasks):
    smooth = Smooth(100.0, 5.0, 8, num_tasks)
    weights = all_weights(smooth, np.linspace(0.0, 40.0, 801))
    # |sin|^(1/100) is steep where it vanishes: rounding of t near a switch is amplified, symmetrically in two tasks.
    assert jnp.allclose(jnp.sum(weights, axis=1), 1.0, atol=1e-9)
    assert float(jnp.min(weights)) >= 0.0
    middles = 0.5 * (smooth.edges[1:] + smooth.edges[:-1])
    assert jnp.argmax(all_weights(smooth, middles), axis=1).tolist() == [block % num_tasks for block in range(8)]
    assert jnp.argmax(all_weights(smooth, smooth.edges[:-1]), axis=1).tolist() == [
        block % num_tasks for block in range(8)
    ]


def test_smooth_equals_the_published_formula_for_two_tasks():
    hardness, tau = 7.0, 1.3
    smooth = Smooth(hardness, tau, 10)
    times = np.linspace(0.0, 13.0, 257)
    period = 2 * tau
    for task in range(2):
        x = times - task * tau - period / 4 * (1 - 1e-4)
        r = np.abs(np.fmod(x, period))
        r = np.minimum(r, period - r)
        u = np.where(np.pi * r / tau < np.pi, np.cos(np.pi * r / tau), -1.0)
        expected = 0.5 + 0.5 * np.sign(u) * np.abs(np.sin(np.pi * u / 2)) ** (1 / hardness)
        assert np.allclose(all_weights(smooth, times)[:, task], expected, atol=1e-9)


def test_harder_switches_are_sharper():
    soft, hard = (float(Smooth(g, 5.0, 2).weights(0, 0.1)[0]) for g in (100.0, 1000.0))
    assert 0.98 < soft < hard < 1.0


def test_smooth_has_finite_slopes_in_hardness_and_time():
    def share(hardness, t):
        return Smooth(hardness, 5.0, 2).weights(0, t)[0]

    # The steepest point, where the power alone has no derivative, and an ordinary one.
    crossing = 5.0 * (1.0 - 0.5e-4)
    for t in (crossing, 1.0):
        slopes = jax.grad(share, argnums=(0, 1))(100.0, t)
        assert np.all(np.isfinite(slopes))


def test_weights_work_under_jit_and_vmap():
    curriculum = curricula.sequence([2, 0, 1], 1.0, 3)
    weights = eqx.filter_jit(lambda c, block, t: c.weights(block, t))(curriculum, jnp.asarray(1), jnp.asarray(0.5))
    assert weights.tolist() == [1.0, 0.0, 0.0]
    table = jax.vmap(curriculum.weights, in_axes=(0, None))(jnp.arange(3), 0.0)
    assert jnp.array_equal(table, jnp.eye(3)[jnp.array([2, 0, 1])])


@pytest.mark.parametrize(
    "build",
    [
        lambda duration: curricula.alternating(2, 3, duration),
        lambda duration: curricula.sequence([0, 1, 1], duration, 2),
        lambda duration: curricula.named("A_B__", 3, 2, 0, duration),
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
    assert jnp.allclose(edges, jnp.array([[0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 4.0, 6.0]]), atol=ROUNDING)
    assert jnp.allclose(weights[0], build(jnp.asarray(1.0)).weights(1, 1.5), atol=ROUNDING)


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
        lambda duration: curricula.named("A_B__AB__", 4, 2, 1, duration),
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
    assert jnp.array_equal(batch.tasks[2], draw(keys[2], 3, 20, 1.0).tasks)
    assert not jnp.array_equal(batch.tasks[0], batch.tasks[1])


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


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="got the curriculum 'A_B_AB__'") as caught:
        curricula.named("A_B_AB__", 8, 2, 1, 1.0)
    assert all(name in str(caught.value) for name in curricula.NAMED)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("A_B__AB__", 8, 2, 0, 1.0), "asks for task 2, got 2 base tasks and 0 composites"),
        (("AB_BC_CD_DA__AC_BD__", 8, 4, 4, 1.0), r"asks for task 9.*indices 0 to 7.*FOUR_TASK_PAIRS"),
        (("A_B__AB__", 8, 3, 3, 1.0), "num_base = 3 for 'A_B__AB__'; .* for num_base = 2"),
        (("AB_CD__AD__", 8, 3, 5, 1.0), "num_base = 3 for 'AB_CD__AD__'; .* for num_base = 4"),
        (("A_B__", 0, 2, 0, 1.0), "num_blocks = 0"),
        (("AB_BC__", 8, 1, 1, 1.0), "num_base = 1"),
        (("A_B__", 8, 2, -1, 1.0), "num_composites = -1"),
        (("A_B__", 8, 2, 0, 0.0), "must last a positive, finite time"),
    ],
)
def test_named_messages(arguments, message):
    with pytest.raises(ValueError, match=message):
        curricula.named(*arguments)


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


def test_smooth_messages():
    for hardness in (0.0, -1.0, float("inf")):
        with pytest.raises(ValueError, match="hardness = .*positive and finite"):
            Smooth(hardness, 1.0, 2)
    with pytest.raises(ValueError, match="num_tasks = 1; switching needs at least 2"):
        Smooth(100.0, 1.0, 2, 1)
    with pytest.raises(ValueError, match="every block must last"):
        Smooth(100.0, 0.0, 2)
    with pytest.raises(ValueError, match="for 0 blocks"):
        Smooth(100.0, 1.0, 0)


def test_count_messages():
    with pytest.raises(ValueError, match="alternating: got num_tasks = 0, num_blocks = 3"):
        curricula.alternating(0, 3, 1.0)
    with pytest.raises(ValueError, match="random_order: got num_tasks = 2, num_blocks = 0"):
        curricula.random_order(KEY, 2, 0, 1.0)
    with pytest.raises(ValueError, match="num_tasks = 1, num_blocks = 3; allowed are at least 2"):
        curricula.random_order_without_repeats(KEY, 1, 3, 1.0)
    with pytest.raises(ValueError, match="published_step_count: got duration = 1.0, dt = 0.0"):
        curricula.published_step_count(1.0, 0.0)
    with pytest.raises(ValueError, match="published_num_blocks: got total = -1.0, duration = 1.0"):
        curricula.published_num_blocks(-1.0, 1.0)
