"""Time to a threshold: exact crossings of known curves, unreached blocks, and the published rule."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import block_of_times, published_time_to_threshold, time_to_threshold

ROUNDING = 1e-12

# Compiled whole: operation by operation, these tests would compile hundreds of programs.
(published_time_to_threshold, time_to_threshold) = map(eqx.filter_jit, (published_time_to_threshold, time_to_threshold))


def sawtooth(slopes, records=11, dtype=jnp.float64):
    """Loss 1 - slope * phase in unit blocks that save both ends: records, times, blocks."""
    phase = jnp.linspace(0.0, 1.0, records, dtype=dtype)
    loss = jnp.concatenate([1 - slope * phase for slope in slopes])
    times = jnp.concatenate([block + phase for block in range(len(slopes))])
    return times, loss, jnp.repeat(jnp.arange(len(slopes)), records)


def test_records_at_a_switch_belong_to_the_block_that_begins():
    times = jnp.array([-0.1, 0.0, 0.5, 1.0, 2.9, 3.0])
    np.testing.assert_array_equal(block_of_times(times, jnp.array([0.0, 1.0, 3.0])), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(block_of_times(times, jnp.array([0.0, 3.0])), 0)


def test_crossings_of_straight_lines_are_exact_between_records():
    times, loss, blocks = sawtooth([1.0, 2.0, 4.0])
    result = time_to_threshold(times, loss, blocks, 3, 0.17)
    np.testing.assert_allclose(result.time, [0.83, 0.415, 0.2075], atol=ROUNDING)
    assert jnp.all(result.reached)


def test_interpolation_converges_quadratically_for_a_smooth_loss():
    errors = []
    for records in (20, 40, 80):
        times = jnp.linspace(0.0, 3.0, records + 1)
        found = time_to_threshold(times, jnp.exp(-times), jnp.zeros(records + 1, jnp.int32), 1, 0.1).time[0]
        errors.append(abs(float(found) - np.log(10)))
    assert errors[2] < errors[0] / 4  # 16 on average; the phase of the crossing within a record varies
    assert errors[2] < 3e-4  # h^2/8 with h = 3/80


def test_a_block_that_never_gets_there_is_infinite_and_flagged():
    times, loss, blocks = sawtooth([0.5, 1.0])
    result = time_to_threshold(times, loss, blocks, 2, 0.1)
    np.testing.assert_array_equal(result.reached, [False, True])
    assert jnp.isinf(result.time[0])
    assert result.time[1] == pytest.approx(0.9, abs=ROUNDING)


def test_a_block_that_starts_below_takes_no_time():
    times, loss, blocks = sawtooth([1.0, 0.0])
    result = time_to_threshold(times, loss.at[11:].set(0.01), blocks, 2, 0.1)
    assert result.time[1] == 0
    assert result.reached[1]


def test_blocks_without_records_are_not_reached():
    times, loss, blocks = sawtooth([1.0])
    np.testing.assert_array_equal(time_to_threshold(times, loss, blocks, 3, 0.1).reached, [True, False, False])


def test_only_the_first_crossing_counts():
    loss = jnp.array([1.0, 0.0, 1.0, 0.0])
    assert time_to_threshold(jnp.arange(4.0), loss, jnp.zeros(4, jnp.int32), 1, 0.5).time[0] == 0.5


def test_an_infinite_loss_before_the_crossing_leaves_the_record():
    loss = jnp.array([jnp.inf, 0.0])
    result = time_to_threshold(jnp.arange(2.0), loss, jnp.zeros(2, jnp.int32), 1, 0.5)
    assert jnp.isfinite(result.time[0])


def test_time_scales_with_the_unit_of_the_caller():
    times, loss, blocks = sawtooth([1.0, 3.0])
    one, other = (time_to_threshold(unit * times, loss, blocks, 2, 0.3).time for unit in (1.0, 60.0))
    np.testing.assert_allclose(other, 60 * one, rtol=ROUNDING)


def published_by_splitting(loss, task, threshold):
    """The published procedure in its own order: find switches, split, drop fragments, take indices."""
    switches = np.flatnonzero(np.abs(np.gradient(task)) > 0) + 1
    fragments = [piece for piece in np.split(loss, switches) if len(piece) > 2]
    firsts = [np.flatnonzero(piece < threshold) for piece in fragments]
    return [f[0] if len(f) else len(p) - 1 for f, p in zip(firsts, fragments, strict=True)]


def test_published_rule_agrees_with_its_procedure(getkey):
    blocks = np.repeat(np.arange(6), [9, 7, 12, 5, 8, 10])
    loss = jax.random.uniform(getkey(), (blocks.size,))
    for threshold in (0.02, 0.1, 0.3):
        expected = published_by_splitting(np.asarray(loss), (blocks % 2).astype(float), threshold)
        found = published_time_to_threshold(loss, jnp.asarray(blocks), 6, threshold, 1.0)
        np.testing.assert_array_equal(found, expected)


def test_published_rule_by_hand():
    loss = jnp.array([1.0, 0.5, 0.0, 0.0, 1.0, 0.8, 0.5, 0.0, 1.0, 1.0, 1.0, 1.0])
    blocks = jnp.repeat(jnp.arange(3), 4)
    # First block: third record. Second: fourth record, counted from the second. Third: never, so its last record.
    np.testing.assert_allclose(published_time_to_threshold(loss, blocks, 3, 0.1, 0.02), [0.04, 0.04, 0.04])


def test_published_rule_gives_zero_for_a_block_without_records():
    found = published_time_to_threshold(jnp.ones(4), jnp.zeros(4, jnp.int32), 2, 0.1, 1.0)
    np.testing.assert_array_equal(found, [3.0, 0.0])


@pytest.mark.parametrize("records", [0, 3])
def test_records_that_do_not_match_are_an_error(records):
    loss, blocks = jnp.ones(records), jnp.zeros(2 * records, jnp.int32)
    with pytest.raises(ValueError, match=r"one non-empty axis: loss \(\d,\), block_of_record \(\d,\) must be"):
        inspect.unwrap(published_time_to_threshold)(loss, blocks, 1, 0.1, 1.0)
    with pytest.raises(ValueError, match=r"times \(1,\) must be equal"):
        inspect.unwrap(time_to_threshold)(jnp.ones(1), loss, blocks, 1, 0.1)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_switching_under_jit_and_vmap_keeps_dtype(dtype):
    runs = [sawtooth(slopes, dtype=dtype) for slopes in ([1.0, 2.0], [0.5, 4.0])]
    times, blocks = runs[0][0], runs[0][2]
    losses = jnp.stack([loss for _, loss, _ in runs])
    thresholds = jnp.array([0.15, 0.25], dtype)

    found = jax.jit(jax.vmap(lambda x, level: time_to_threshold(times, x, blocks, 2, level)))(losses, thresholds)
    assert found.time.dtype == dtype
    np.testing.assert_allclose(found.time, [[0.85, 0.425], [np.inf, 0.1875]], atol=1e-6)  # float32 rounding

    published = jax.jit(jax.vmap(lambda x, level: published_time_to_threshold(x, blocks, 2, level, 0.1)))
    assert published(losses, thresholds).dtype == dtype
    np.testing.assert_allclose(published(losses, thresholds), [[0.9, 0.4], [1.0, 0.1]], atol=1e-6)  # float32 rounding

    edges = jnp.array([[0.0, 1.0, 2.0], [0.0, 0.5, 2.0]], dtype)
    located = jax.jit(jax.vmap(block_of_times, (None, 0)))(times, edges)
    np.testing.assert_array_equal(located[1], block_of_times(times, edges[1]))


def test_reference_runs_without_specialisation_recover_in_a_constant_time(shared):
    with np.load(shared / "reference" / "fig2_forgetful.npz") as data:
        times, losses = jnp.asarray(data["t"]), jnp.asarray(data["loss"])
    blocks = block_of_times(times, jnp.asarray(0.999 * np.arange(21), times.dtype))
    found = jax.vmap(lambda loss: time_to_threshold(times, loss, blocks, 20, 0.1))(losses)
    # The first two blocks end above the threshold in most seeds; the published times there are the block length.
    assert jnp.mean(found.reached[:, :2].astype(losses.dtype)) < 0.5
    assert jnp.all(found.reached[:, 2:])
    published = jax.vmap(lambda loss: published_time_to_threshold(loss, blocks, 20, 0.1, 20 / 1000))(losses)
    # In units of tau_w = 1.3 the plateau is 0.437; records are 0.015 apart.
    np.testing.assert_allclose(np.mean(found.time[:, 8:], axis=0) / 1.3, 0.437, atol=0.02)
    np.testing.assert_allclose(np.mean(published[:, 8:], axis=0) / 1.3, 0.437, atol=0.02)
