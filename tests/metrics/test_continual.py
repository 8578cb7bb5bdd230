"""Forgetting, transfer and block curves against numbers worked out by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn import metrics

# Rows: after blocks of tasks 0, 1, 2; columns: tasks.
LOSSES = jnp.asarray([[0.1, 0.9, 0.8], [0.5, 0.2, 0.6], [0.7, 0.3, 0.1]])
TASKS = jnp.asarray([0, 1, 2])
START = jnp.asarray([1.0, 1.0, 1.0])


def test_three_tasks_by_hand():
    np.testing.assert_allclose(metrics.forgetting(LOSSES), [0.6, 0.1, 0.0], atol=1e-15)
    np.testing.assert_allclose(metrics.backward_transfer(LOSSES, TASKS), [-0.6, -0.1, 0.0], atol=1e-15)
    np.testing.assert_allclose(metrics.forward_transfer(LOSSES, START, TASKS), [np.nan, 0.1, 0.4], atol=1e-15)
    np.testing.assert_array_equal(metrics.rows_of_tasks(LOSSES, TASKS), LOSSES)


def test_one_task_again_and_again_neither_forgets_nor_transfers():
    losses = jnp.asarray([[0.4], [0.2], [0.1]])
    tasks = jnp.zeros(3, int)
    np.testing.assert_array_equal(metrics.forgetting(losses), [0.0])
    np.testing.assert_array_equal(metrics.backward_transfer(losses, tasks), [0.0])
    assert np.isnan(metrics.forward_transfer(losses, jnp.asarray([1.0]), tasks)).all()


def test_a_thousand_small_experiences_are_one_row_per_task():
    tasks = jnp.arange(1000) % 3
    losses = jnp.where(tasks[:, None] == jnp.arange(3)[None, :], 0.1, 0.5) + jnp.linspace(0, 1e-3, 1000)[:, None]
    rows = metrics.rows_of_tasks(losses, tasks)
    assert rows.shape == (3, 3)
    # The last blocks are 997, 998 and 999 (tasks 1, 2 and 0).
    np.testing.assert_array_equal(rows, losses[jnp.asarray([999, 997, 998])])
    assert metrics.backward_transfer(losses, tasks).shape == (3,)
    np.testing.assert_allclose(metrics.backward_transfer(losses, tasks), [0.0, -0.4, -0.4], atol=1e-5)


def test_losses_that_fall_after_practice_are_positive_transfer():
    losses = jnp.asarray([[0.5, 0.9], [0.3, 0.2]])  # task 0 got better while task 1 was practised
    assert float(metrics.backward_transfer(losses, jnp.asarray([0, 1]))[0]) == pytest.approx(0.2)
    assert float(metrics.forward_transfer(losses, jnp.asarray([1.0, 1.0]), jnp.asarray([0, 1]))[1]) == pytest.approx(
        0.1
    )


def test_a_task_that_is_never_practised_has_no_transfer():
    losses = jnp.asarray([[0.1, 0.7], [0.1, 0.6]])
    tasks = jnp.zeros(2, int)
    assert np.isnan(metrics.backward_transfer(losses, tasks)[1])
    assert np.isnan(metrics.rows_of_tasks(losses, tasks)[1]).all()
    np.testing.assert_allclose(metrics.forgetting(losses), [0.0, 0.0])


def test_stability_and_plasticity_of_the_last_blocks():
    found = metrics.stability_plasticity(LOSSES, TASKS, 2)
    assert float(found.plasticity) == pytest.approx(0.5 * (0.2 + 0.1))
    # After block 1 task 2 is unknown: only task 0 counts; after block 2 tasks 0 and 1 do.
    assert float(found.stability) == pytest.approx((0.5 + 0.7 + 0.3) / 3)


def test_block_curves_by_hand():
    times, blocks = jnp.asarray([0.0, 1.0, 2.0, 2.0, 4.0]), jnp.asarray([0, 0, 0, 1, 1])
    loss = jnp.asarray([4.0, 2.0, 1.0, 3.0, 1.0])
    found = metrics.block_curves(times, loss, blocks, 2)
    np.testing.assert_allclose(found.jump, [4.0, 3.0])
    np.testing.assert_allclose(found.end, [1.0, 1.0])
    np.testing.assert_allclose(found.area, [3.0 + 1.5, 4.0])
