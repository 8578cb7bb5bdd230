import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks.examples import Batch, Examples, ExampleTasks, from_sets, held_out_rows


@pytest.fixture(scope="module")
def two_tasks():
    """Three examples of task 0, one of task 1, with values that tell which is which."""
    return from_sets([np.array([[0.0], [1.0], [2.0]]), np.array([[10.0]])], [np.array([0, 1, 2]), np.array([3])])


@pytest.fixture(scope="module")
def batches(two_tasks):
    """The second task alone, a mixture of both, and draws from both and from the second, in one program."""

    @jax.jit
    def made(key):
        return (
            two_tasks.of_task(jnp.asarray(1)),
            two_tasks.mixed(jnp.array([0.25, 0.75])),
            two_tasks.draw(key, jnp.array([0.5, 0.5]), 4000),
            two_tasks.draw(key, jnp.array([0.0, 1.0]), 5),
        )

    return jax.tree.map(np.asarray, made(jax.random.key(0)))


def test_padding_has_no_weight(two_tasks, batches):
    assert two_tasks.num_tasks == 2
    assert two_tasks.counts.tolist() == [3, 1]
    assert two_tasks.inputs.shape == (2, 3, 1)
    short = batches[0]
    assert short.weights.tolist() == [1, 0, 0]
    assert short.inputs[0] == 10
    assert short.tasks.tolist() == [1, 1, 1]


def test_a_mixture_weights_tasks_and_not_examples(batches):
    mixed = batches[1]
    np.testing.assert_allclose(mixed.weights, [0.25 / 3] * 3 + [0.75, 0, 0])
    np.testing.assert_allclose(mixed.mean(jnp.asarray(mixed.inputs[:, 0])), 0.25 * 1 + 0.75 * 10)
    np.testing.assert_allclose(mixed.task_shares(2), [0.25, 0.75])
    assert mixed.inputs.shape == (6, 1)


def test_draws_follow_the_shares_and_never_padding(batches):
    batch, alone = batches[2:]
    found = {value: int(np.sum(batch.targets == value)) for value in range(4)}
    # Binomial with standard deviations below 32.
    assert abs(found[3] - 2000) < 160
    assert all(abs(found[value] - 2000 / 3) < 160 for value in range(3))
    assert sum(found.values()) == 4000
    np.testing.assert_array_equal(batch.tasks, batch.targets == 3)
    np.testing.assert_allclose(np.sum(batch.weights), 1)
    assert alone.targets.tolist() == [3] * 5


def test_real_targets_are_weighted_like_values():
    batch = Batch(jnp.ones((2, 1)), jnp.array([[1.0, 2.0], [3.0, 6.0]]), jnp.array([0, 0]), jnp.array([0.75, 0.25]))
    np.testing.assert_allclose(batch.mean(batch.targets), [1.5, 3])


def test_counts_of_another_dtype_serve():
    examples = Examples(jnp.ones((1, 2, 1)), jnp.zeros((1, 2), int), jnp.array([1], jnp.int32))
    assert examples.of_task(jnp.asarray(0)).weights.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("inputs", "targets", "counts", "said"),
    [
        (np.ones((2, 3)), np.zeros((2, 3), int), [3, 3], "inputs of shape"),
        (np.ones((2, 3, 1), int), np.zeros((2, 3), int), [3, 3], "must be floating-point"),
        (np.ones((2, 3, 1)), np.zeros((2, 3)), [3, 3], "targets of shape"),
        (np.ones((2, 3, 1)), np.zeros((2, 4), int), [3, 3], "targets of shape"),
        (np.ones((2, 3, 1)), np.zeros((2, 3), int), [3, 4], "between 1 and 3"),
        (np.ones((2, 3, 1)), np.zeros((2, 3), int), [0, 3], "between 1 and 3"),
        (np.full((2, 3, 1), np.nan), np.zeros((2, 3), int), [3, 3], "inputs contain NaN"),
        (np.ones((2, 3, 1)), np.full((2, 3, 1), np.inf), [3, 3], "targets contain NaN"),
    ],
)
def test_examples_that_do_not_fit_are_refused(inputs, targets, counts, said):
    with pytest.raises(ValueError, match=said):
        Examples(inputs, targets, counts)


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        ([], [], "at least one example"),
        ([np.ones((2, 1)), np.ones((0, 1))], [np.zeros(2, int), np.zeros(0, int)], "at least one example"),
        ([np.ones((2, 1))], [np.zeros(3, int)], "as many targets as inputs"),
        ([np.ones((2, 1)), np.ones((2, 2))], [np.zeros(2, int)] * 2, "single inputs of the shapes"),
        ([np.ones((2, 1))] * 2, [np.zeros((2, 1)), np.zeros((2, 3))], "single targets of the shapes"),
    ],
)
def test_sets_that_do_not_fit_are_refused(inputs, targets, said):
    with pytest.raises(ValueError, match=said):
        from_sets(inputs, targets)


def test_groups_are_held_out_in_their_shares():
    groups = np.repeat([0, 1, 2], [100, 33, 7])
    mask = held_out_rows(groups, 0.2, 0)
    assert mask.sum() == 28
    assert all(abs(mask[groups == group].sum() - 0.2 * np.sum(groups == group)) < 1 for group in range(3))
    np.testing.assert_array_equal(mask, held_out_rows(groups, 0.2, 0))
    assert np.any(mask != held_out_rows(groups, 0.2, 1))


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_some_are_held_out_and_some_are_not(share):
    mask = held_out_rows(np.zeros(2), share, 0)
    assert mask.sum() == 1


@pytest.mark.parametrize(("number", "share"), [(1, 0.2), (5, 0.0), (5, 1.0)])
def test_shares_that_leave_nothing_are_refused(number, share):
    with pytest.raises(ValueError, match="at least 2 examples"):
        held_out_rows(np.zeros(number), share, 0)


def test_choices_are_made_on_a_part_of_what_is_practised():
    inputs = [np.arange(10.0)[:, None], np.arange(20.0)[:, None] + 100]
    practised = from_sets(inputs, [np.arange(10), np.arange(20)])
    held_out = from_sets([np.full((1, 1), -1.0)] * 2, [np.zeros(1, int)] * 2)
    found = ExampleTasks(practised, held_out, ("a", "b")).for_choices(0.2)
    assert found.practised.counts.tolist() == [8, 16]
    assert found.held_out.counts.tolist() == [2, 4]
    for task, count in enumerate((10, 20)):
        parts = (found.practised, found.held_out)
        rows = [np.asarray(part.inputs[task, : int(part.counts[task]), 0]) for part in parts]
        assert sorted(np.concatenate(rows)) == sorted(inputs[task][:, 0])
        labels = [np.asarray(part.targets[task, : int(part.counts[task])]) for part in parts]
        np.testing.assert_array_equal(np.concatenate(labels), np.concatenate(rows) - 100 * task)
        assert len(set(np.concatenate(labels))) == count
    with pytest.raises(ValueError, match="'a' has one example"):
        ExampleTasks(held_out, held_out, ("a", "b")).for_choices()
