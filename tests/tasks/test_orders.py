"""Orders of tasks: drawn at random, given as arrays, taking turns in contexts; in both precisions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import Listed, curricula

pytestmark = pytest.mark.usefixtures("precision")

KEY = jax.random.key(5)


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
