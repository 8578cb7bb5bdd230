import sys

import jax
import numpy as np
import pytest

from ntadyn.tasks import digits, images


@pytest.fixture(scope="module")
def rotated():
    return digits.rotated([0, 90, -90])


@pytest.fixture(scope="module")
def split():
    return digits.split_task_incremental()


def test_a_fifth_of_every_digit_is_held_out(rotated):
    assert rotated.num_tasks == rotated.held_out.num_tasks == 3
    assert rotated.practised.counts.tolist() == [1438] * 3
    assert rotated.held_out.counts.tolist() == [359] * 3
    practised, held_out = (np.bincount(np.asarray(part.targets[0])) for part in (rotated.practised, rotated.held_out))
    assert (practised + held_out).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.all(np.abs(held_out - 0.2 * (practised + held_out)) < 1)
    assert rotated.names == ("0 degrees", "90 degrees", "-90 degrees")


def test_what_is_held_out_is_practised_in_no_guise(rotated):
    shown, kept = (
        {image.tobytes() for image in np.asarray(part.inputs[0])}
        for part in (
            rotated.practised,
            rotated.held_out,
        )
    )
    assert not shown & kept
    assert rotated.practised.inputs.min() == 0
    assert rotated.practised.inputs.max() == 1


def test_rotation_is_counterclockwise(rotated):
    images = np.asarray(rotated.held_out.inputs).reshape(3, -1, 8, 8)
    np.testing.assert_allclose(images[1], np.rot90(images[0], axes=(1, 2)), atol=1e-12)
    np.testing.assert_allclose(images[2], np.rot90(images[0], -1, axes=(1, 2)), atol=1e-12)
    assert np.any(images[1] != images[0])


def test_permutation_moves_pixels_alike_in_all_images():
    found = digits.permuted(jax.random.key(3), 3)
    inputs = np.asarray(found.practised.inputs)
    np.testing.assert_array_equal(np.sort(inputs[1]), np.sort(inputs[0]))
    # Columns that vary are all different in this data, so that each can be found again in the other order.
    plain = {column.tobytes(): at for at, column in enumerate(np.asarray(found.practised.inputs[0]).T) if column.any()}
    order = [plain[column.tobytes()] for column in inputs[1].T if column.any()]
    assert sorted(order) == sorted(plain.values())
    assert order != sorted(order)
    assert np.any(inputs[1] != inputs[2])
    np.testing.assert_array_equal(found.practised.targets[0], found.practised.targets[2])
    again = digits.permuted(jax.random.key(3), 3)
    np.testing.assert_array_equal(again.held_out.inputs, found.held_out.inputs)


def test_task_incremental_heads_are_the_digits_of_the_task(split):
    assert split.names == ("0, 1", "2, 3", "4, 5", "6, 7", "8, 9")
    heads = np.asarray(split.heads)
    assert heads.sum(axis=1).tolist() == [2] * 5
    for task in range(5):
        targets = np.asarray(split.practised.targets[task])
        assert set(targets) == {2 * task, 2 * task + 1}
        assert heads[task, targets].all()
    assert split.practised.counts.sum() + split.held_out.counts.sum() == 1797


def test_class_incremental_asks_all_outputs_of_the_same_examples(split):
    found = digits.split_class_incremental()
    assert np.asarray(found.heads).all()
    np.testing.assert_array_equal(found.practised.targets, split.practised.targets)
    np.testing.assert_array_equal(found.practised.inputs, split.practised.inputs)


def test_domain_incremental_asks_for_the_place_in_the_group(split):
    found = digits.split_domain_incremental()
    assert found.heads is None
    np.testing.assert_array_equal(found.practised.targets, np.asarray(split.practised.targets) % 2)
    swapped = digits.split_domain_incremental(((1, 0), (2, 3)))
    swapped_first, first = (np.asarray(part.practised.targets[0])[:288] for part in (swapped, found))
    np.testing.assert_array_equal(swapped_first, 1 - first)


@pytest.mark.parametrize("groups", [(), ((0,), (1, 2)), ((0, 1), (1, 2)), ((0, 10),), ((0, -1),)])
@pytest.mark.parametrize("split", [digits.split_task_incremental, digits.split_class_incremental])
def test_groups_that_are_no_split_are_refused(split, groups):
    with pytest.raises(ValueError, match="at least two of the digits 0 to 9"):
        split(groups)


def test_shared_outputs_need_groups_of_one_size():
    with pytest.raises(ValueError, match="of one size"):
        digits.split_domain_incremental(((0, 1), (2, 3, 4)))


def test_no_task_is_refused():
    with pytest.raises(ValueError, match="num_tasks = 0"):
        digits.permuted(jax.random.key(0), 0)
    with pytest.raises(ValueError, match="at least one"):
        digits.rotated([])
    with pytest.raises(ValueError, match="finite"):
        digits.rotated([0.0, np.nan])


def test_without_scikit_learn_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    digits._digits.cache_clear()
    with pytest.raises(ImportError, match=r'pip install "ntadyn\[images\]"'):
        digits.rotated([0])


def test_labels_change_and_images_do_not():
    tasks = digits.relabelled({"own": images.IDENTITY, "parity": images.PARITY})
    for part in (tasks.practised, tasks.held_out):
        np.testing.assert_array_equal(part.inputs[0], part.inputs[1])
        own = np.asarray(part.targets[0])
        np.testing.assert_array_equal(part.targets[1], own // 2 + 5 * (own % 2))
    with pytest.raises(ValueError, match="no two classes become one"):
        digits.relabelled({"constant": (0,) * 10})
