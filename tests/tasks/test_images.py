import dataclasses

import numpy as np
import pytest

from ntadyn.tasks import digits, images
from ntadyn.tasks.images import IDENTITY, PARITY, WARM_COOL, ImageSet, fixed_classes, relabelled


@pytest.fixture
def three() -> ImageSet:
    pixels = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 2, 2)
    return ImageSet(pixels, np.array([0, 1, 9]), np.array([False, False, True]), "three", "the last")


def test_maps_move_classes_without_loss():
    assert PARITY == (0, 5, 1, 6, 2, 7, 3, 8, 4, 9)
    assert WARM_COOL == (0, 1, 6, 3, 7, 2, 5, 4, 8, 9)
    for each in (IDENTITY, PARITY, WARM_COOL):
        assert sorted(each) == list(range(10))
    assert fixed_classes(PARITY) == (0, 9)
    assert fixed_classes(WARM_COOL) == (0, 1, 3, 8, 9)
    assert fixed_classes(IDENTITY) == tuple(range(10))


def test_parity_puts_even_classes_first():
    assert all((PARITY[label] < 5) == (label % 2 == 0) for label in range(10))
    # Among even classes, and among odd ones, the order stays.
    assert [PARITY[label] for label in range(0, 10, 2)] == [0, 1, 2, 3, 4]


def test_tasks_share_inputs_and_differ_in_names(three):
    tasks = relabelled(three.pixels, three.labels, three.held_out, {"A": IDENTITY, "B": PARITY})
    assert tasks.names == ("A", "B")
    np.testing.assert_array_equal(tasks.practised.inputs[0], three.pixels[:2])
    np.testing.assert_array_equal(tasks.practised.inputs[1], three.pixels[:2])
    assert tasks.practised.targets.tolist() == [[0, 1], [0, 5]]
    assert tasks.held_out.targets.tolist() == [[9], [9]]
    assert tasks.heads is None


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ({}, "give at least one"),
        ({"A": (0, 1, 1)}, "each a permutation"),
        ({"A": IDENTITY, "B": (1, 0)}, "each a permutation of the same classes"),
        ({"A": (1, 0)}, "labels of dtype int64 from 0 to 9; allowed are whole numbers from 0 to 1"),
    ],
)
def test_maps_that_are_none_are_refused(three, maps, message):
    with pytest.raises(ValueError, match=message):
        relabelled(three.pixels, three.labels, three.held_out, maps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.array([0, 1])}, "of the shapes"),
        ({"pixels": np.zeros((3, 4), np.float32)}, "of the shapes"),
        ({"held_out": np.zeros(3, bool)}, "0 of 3 images are held out"),
        ({"held_out": np.ones(3, bool)}, "3 of 3 images are held out"),
        ({"pixels": np.full((3, 2, 2), 1.5, np.float32)}, "pixels range from 1.5"),
        ({"pixels": np.full((3, 2, 2), np.nan, np.float32)}, "pixels range from nan"),
        ({"labels": np.array([0, 1, 10])}, "from 0 to 10"),
        ({"labels": np.array([0, 1, -1])}, "from -1 to 1"),
        ({"labels": np.array([0.0, 1.0, 2.0])}, "dtype float64"),
    ],
)
def test_sets_that_do_not_fit_are_refused(three, change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(three, **change)


def test_digits_are_the_images_of_their_streams():
    found, stream = digits.images(), digits.rotated([0])
    assert found.pixels.shape == (1797, 8, 8)
    assert found.name == "8x8 digits (scikit-learn)"
    np.testing.assert_array_equal(found.pixels[found.held_out].reshape(-1, 64), stream.held_out.inputs[0])
    np.testing.assert_array_equal(found.labels[~found.held_out], stream.practised.targets[0])


def test_lazy_names():
    from ntadyn import tasks

    assert tasks.ImageSet is images.ImageSet
