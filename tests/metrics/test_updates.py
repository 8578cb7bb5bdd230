"""Movement of gates and weights: known motions, normalisation, and independence of the record spacing."""

import inspect

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import (
    direction_change,
    direction_rate,
    gate_change,
    gate_rate,
    relative_weight_change,
    row_change,
    running_maximum,
)

ROUNDING = 1e-12

# Compiled whole: operation by operation, these tests would compile hundreds of programs.
(direction_change, direction_rate, gate_change, gate_rate, relative_weight_change) = map(
    eqx.filter_jit, (direction_change, direction_rate, gate_change, gate_rate, relative_weight_change)
)


def rotating_weights(angles, growth):
    """One path that turns in a plane while its size changes, and one that only grows."""
    turning = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=-1) * growth[:, None]
    growing = jnp.stack([growth, growth], axis=-1)
    return jnp.stack([turning, growing], axis=1)[:, :, None, :]


def test_gate_change_of_a_straight_motion_is_its_step_everywhere():
    gates = jnp.outer(jnp.arange(6.0), jnp.array([3.0, 4.0]))
    np.testing.assert_allclose(gate_change(gates), 5.0, atol=ROUNDING)


def test_changes_agree_with_numpy(getkey):
    gates = jax.random.normal(getkey(), (9, 2, 3))
    expected = np.linalg.norm(np.gradient(np.asarray(gates), axis=0).reshape(9, -1), axis=1)
    np.testing.assert_allclose(gate_change(gates), expected, atol=ROUNDING)

    weights = jax.random.normal(getkey(), (9, 2, 3, 4))
    unit = np.asarray(weights) / np.linalg.norm(weights, axis=(2, 3), keepdims=True)
    expected = np.linalg.norm(np.gradient(unit, axis=0), axis=(2, 3)).mean(axis=1)
    np.testing.assert_allclose(direction_change(weights), expected, atol=ROUNDING)
    np.testing.assert_allclose(relative_weight_change(weights), expected / expected[4:].max(), atol=ROUNDING)


def test_only_turning_counts_as_a_change_of_direction():
    angles, growth = 0.1 * jnp.arange(8.0), 1.5 ** jnp.arange(8.0)
    change = direction_change(rotating_weights(angles, growth))
    # Mean over a path that turns by chords of 0.1 and one that does not turn.
    np.testing.assert_allclose(change[1:-1], np.sin(0.1) / 2, atol=ROUNDING)


def test_rate_of_turning_does_not_depend_on_the_spacing_of_records():
    angular_velocity = 2.0
    for records in (200, 400):
        times = jnp.linspace(0.0, 1.0, records) ** 1.5
        rate = direction_rate(times, rotating_weights(angular_velocity * times, 1 + times))
        np.testing.assert_allclose(rate, angular_velocity / 2, rtol=1e-3)  # chords instead of arcs, second order


def test_gate_rate_of_a_straight_motion_is_exact_for_uneven_records():
    times = jnp.array([0.0, 0.1, 0.5, 0.6, 2.0])
    np.testing.assert_allclose(gate_rate(times, jnp.outer(times, jnp.array([3.0, 4.0]))), 5.0, atol=ROUNDING)


def test_rates_are_changes_per_record_interval(getkey):
    gates, weights = jax.random.normal(getkey(), (7, 2)), jax.random.normal(getkey(), (7, 2, 3, 4))
    times = 0.25 * jnp.arange(7.0)
    np.testing.assert_allclose(gate_rate(times, gates), gate_change(gates) / 0.25, rtol=ROUNDING)
    np.testing.assert_allclose(direction_rate(times, weights), direction_change(weights) / 0.25, rtol=ROUNDING)


def test_two_records_at_the_same_time_do_not_divide_by_zero():
    times = jnp.array([0.0, 1.0, 1.0, 2.0])
    np.testing.assert_allclose(gate_rate(times, times[:, None]), 1.0, atol=ROUNDING)
    assert gate_rate(jnp.array([1.0, 1.0, 2.0]), jnp.array([[0.0], [1.0], [2.0]]))[0] == 0


def test_weights_that_stand_still_or_vanish_do_not_change(getkey):
    still = jnp.tile(jax.random.normal(getkey(), (1, 2, 3, 4)), (6, 1, 1, 1))
    for weights in (still, jnp.zeros_like(still)):
        np.testing.assert_array_equal(relative_weight_change(weights), 0)


def test_one_record_is_an_error():
    for change in (gate_change, lambda g: direction_change(g[:, :, None, None])):
        with pytest.raises(ValueError, match="at least two records"):
            change(jnp.ones((1, 2)))


def test_times_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="one time per record"):
        inspect.unwrap(gate_rate)(jnp.arange(3.0), jnp.ones((4, 2)))


@hypothesis.given(st.integers(0, 2**31 - 1), st.floats(1e-6, 1e6))
@hypothesis.settings(max_examples=20)
def test_changes_ignore_path_order_and_weight_scale(seed, scale):
    weights = jax.random.normal(jax.random.key(seed), (6, 3, 2, 4))
    expected = relative_weight_change(weights)
    assert jnp.max(expected[3:]) == pytest.approx(1.0, abs=ROUNDING)
    np.testing.assert_allclose(relative_weight_change(scale * weights[:, ::-1]), expected, rtol=1e-10)  # rounding
    np.testing.assert_allclose(gate_change(weights[:, ::-1]), gate_change(weights), rtol=1e-10)  # rounding


@pytest.mark.representatives(1)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_changes_under_jit_and_vmap_keep_dtype(getkey, dtype):
    weights = jax.random.normal(getkey(), (3, 6, 2, 2, 4), dtype)
    times = jnp.linspace(0.0, 1.0, 6, dtype=dtype)
    for measure in (relative_weight_change, direction_change, gate_change):
        found = jax.jit(jax.vmap(measure))(weights)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, jnp.stack([measure(w) for w in weights]), rtol=1e-5)  # float32 rounding
    for measure in (direction_rate, gate_rate):
        found = jax.jit(jax.vmap(measure, (None, 0)))(times, weights)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, jnp.stack([measure(times, w) for w in weights]), rtol=1e-5)  # same


def test_change_of_rows_per_record_by_hand():
    rows = jax.random.normal(jax.random.key(0), (4, 6, 3))
    change = row_change(rows)
    assert float(change[0]) == pytest.approx(np.linalg.norm(rows[1] - rows[0], axis=1).mean(), rel=1e-14)
    assert float(change[2]) == pytest.approx(np.linalg.norm((rows[3] - rows[1]) / 2, axis=1).mean(), rel=1e-14)
    with pytest.raises(ValueError, match="two records"):
        row_change(rows[:1])


def test_running_maximum():
    series = jnp.asarray([1.0, 3.0, 2.0, 0.0, 1.0])
    np.testing.assert_array_equal(running_maximum(series), [1.0, 3.0, 3.0, 2.0, 1.0])
    np.testing.assert_array_equal(running_maximum(series, 1), series)
    np.testing.assert_array_equal(running_maximum(series, 3), [1.0, 3.0, 3.0, 3.0, 2.0])
    with pytest.raises(ValueError, match="over 0 records.*at least one"):
        running_maximum(series, 0)
