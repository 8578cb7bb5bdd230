"""What happens after a change of task, against loops over stretches."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.metrics import adaptation, first_loss, stretches, time_average

# Records at both ends of trials: task, time, loss.
TASK = jnp.asarray([0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1])
TIMES = jnp.asarray([0.0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
LOSS = jnp.asarray([0.9, 0.8, 0.8, 0.1, 1.0, 0.6, 0.8, 0.5, 0.5, 0.3, 0.7, 0.0])


@jax.jit  # as one program
def adapted(times, loss, task, threshold):
    return adaptation(times, loss, stretches(task), threshold)


def test_consecutive_trials_of_one_task_are_no_switch():
    found = stretches(TASK)
    np.testing.assert_array_equal(np.flatnonzero(found.begins), [0, 4, 6, 10])
    np.testing.assert_array_equal(np.flatnonzero(found.ends), [3, 5, 9, 11])
    np.testing.assert_array_equal(np.flatnonzero(found.after_switch), np.arange(4, 12))
    np.testing.assert_array_equal(np.flatnonzero(found.complete), np.arange(10))


def test_adaptation_counts_stretches_between_switches_and_what_is_cut_off():
    found = adapted(TIMES, LOSS, TASK, 0.4)
    np.testing.assert_array_equal(np.flatnonzero(found.counts), [5, 9])
    np.testing.assert_array_equal(np.flatnonzero(found.censored), [5])
    assert np.isinf(found.time[5])
    assert float(found.time[9]) == pytest.approx(1.5)  # half way from 0.5 to 0.3
    assert float(found.censored_share()) == 0.5
    assert float(found.mean_time()) == pytest.approx(1.5)
    assert np.isnan(found.mean_time(TASK == 1))
    assert float(found.censored_share(TASK == 1)) == 1.0


def test_a_stretch_that_begins_below_the_threshold_needs_no_time():
    found = adapted(TIMES, jnp.full(12, 0.1), TASK, 0.4)
    np.testing.assert_array_equal(found.time[np.asarray(found.counts)], [0.0, 0.0])


def test_adaptation_is_a_loop_over_stretches():
    key = jax.random.key(3)
    task = jnp.asarray(np.repeat(np.cumsum(np.asarray(jax.random.uniform(key, (200,))) < 0.3) % 2, 2))
    times = jnp.repeat(jnp.arange(201.0), 2)[1:-1]
    loss = jax.random.uniform(key, (400,))
    found = adapted(times, loss, task, 0.3)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(task)) + 1, [400]])
    times, loss, expected = np.asarray(times), np.asarray(loss), []
    for start, end in zip(edges[1:-2], edges[2:-1], strict=True):
        time = np.inf
        for k in range(start, end):
            if loss[k] < 0.3:
                before = k if k == start else k - 1
                share = 1.0 if k == start else float((loss[before] - 0.3) / (loss[before] - loss[k]))
                time = float(times[before] + share * (times[k] - times[before]) - times[start])
                break
        expected.append(time)
    np.testing.assert_allclose(found.time[np.asarray(found.counts)], expected, atol=1e-12)
    assert np.isinf(expected).any()
    assert np.isfinite(expected).any()


@pytest.mark.parametrize("rate", [0.05])
def test_the_censored_share_of_a_hazard(rate):
    """1 - (1 - H)^(k - 1) where the loss is low after k trials."""
    tasks = np.cumsum(np.random.default_rng(1).random(20_000) < rate) % 2  # the law itself is that of `hazard`
    task = jnp.asarray(np.repeat(tasks, 2))
    edges = np.concatenate([[0], np.flatnonzero(np.diff(tasks)) + 1])
    trial = np.arange(20_000) - edges[np.searchsorted(edges, np.arange(20_000), side="right") - 1] + 1
    loss = jnp.asarray(np.stack([trial > 3, trial >= 3], axis=1).ravel() == 0, float)  # at both ends of trials
    result = adapted(jnp.asarray(np.repeat(np.arange(20_001.0), 2)[1:-1]), loss, task, 0.5)
    expected, number = 1 - (1 - rate) ** 2, int(jnp.sum(result.counts))
    assert abs(float(result.censored_share()) - expected) < 4 * np.sqrt(expected * (1 - expected) / number)


def test_first_losses_and_means_in_time():
    assert float(first_loss(LOSS, stretches(TASK))) == pytest.approx((1.0 + 0.8 + 0.7) / 3)
    assert float(first_loss(LOSS, stretches(TASK), TASK == 0)) == pytest.approx(0.8)
    trapezoids = [0.85, 0.45, 0.8, 0.65, 0.4, 0.35]
    assert float(time_average(TIMES, LOSS)) == pytest.approx(np.mean(trapezoids))
    assert float(time_average(TIMES, LOSS, TASK == 1)) == pytest.approx((0.8 + 0.35) / 2)


def test_axes_that_do_not_match_are_refused():
    found = stretches(TASK)
    with pytest.raises(ValueError, match=r"of one length: got times \(5,\)"):
        inspect.unwrap(adaptation)(TIMES[:5], LOSS, found, 0.4)
    with pytest.raises(ValueError, match="of one length"):
        inspect.unwrap(first_loss)(LOSS[:5], found)
    with pytest.raises(ValueError, match="of one length"):
        inspect.unwrap(time_average)(TIMES, LOSS[:5])
    with pytest.raises(ValueError, match="one number per record"):
        stretches(jnp.zeros((0,), int))
