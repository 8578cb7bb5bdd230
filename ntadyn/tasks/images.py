"""Sets of small grey images with a class each: what readers of images return, and what tasks are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ntadyn.tasks.examples import Examples, ExampleTasks, from_sets

NUM_CLASSES = 10
IDENTITY = tuple(range(NUM_CLASSES))
PARITY = tuple(label // 2 + 5 * (label % 2) for label in range(NUM_CLASSES))
"""Even classes to 0-4, odd ones to 5-9; it moves all but 0 and 9. Also known as upper/lower."""
WARM_COOL = (0, 1, 6, 3, 7, 2, 5, 4, 8, 9)
"""Moves 2, 4, 5, 6 and 7; of clothes (Fashion-MNIST), it orders what is worn in cold weather last."""


@dataclass(frozen=True)
class ImageSet:
    """Images, their classes, and which of them are held out.

    Attributes:
        pixels: `(n, height, width)`, between 0 and 1, float32.
        labels: `(n,)`, classes 0 to 9.
        held_out: `(n,)`, True for images that are kept for judging.
        name: what they are, as figures say it.
        split: how it was decided which are held out, as figures say it.

    Raises:
        ValueError: for lengths that differ, no image on one side of the split, or pixels or classes out of range.
    """

    pixels: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray
    name: str
    split: str

    def __post_init__(self) -> None:
        shapes = self.pixels.shape, self.labels.shape, self.held_out.shape
        number = len(self.labels)
        if self.pixels.ndim != 3 or shapes[0][0] != number or shapes[1:] != ((number,), (number,)):
            raise ValueError(
                f"ImageSet: got pixels, labels and held_out of the shapes {shapes}; allowed are (n, height, width), "
                "(n,) and (n,), with one n."
            )
        if not 0 < np.count_nonzero(self.held_out) < number:
            raise ValueError(
                f"ImageSet: {np.count_nonzero(self.held_out)} of {number} images are held out; some must be, and some "
                "must be left to learn from."
            )
        if not (self.pixels.min() >= 0 and self.pixels.max() <= 1):  # also refuses NaN
            raise ValueError(
                f"ImageSet: pixels range from {self.pixels.min()} to {self.pixels.max()}; divide them by the largest "
                "possible one, so that they lie between 0 and 1."
            )
        _check_classes("ImageSet", self.labels, NUM_CLASSES)


def relabelled(
    inputs: np.ndarray, labels: np.ndarray, held_out: np.ndarray, maps: Mapping[str, Sequence[int]]
) -> ExampleTasks:
    """Tasks on the same inputs whose answers are named differently: y_m = pi_m(label).

    Args:
        inputs: `(n, ...)`, pixels, or features of them.
        labels: `(n,)`, classes from 0.
        held_out: `(n,)`, which examples are kept for judging; the same in all tasks.
        maps: name of a task -> pi, the new class of every class, a permutation; all of one length.

    Returns:
        One task per map, in order; all classes are in question in every one of them.

    Raises:
        ValueError: for no map, a map that is no permutation, maps of different lengths, or classes beyond them.
    """
    lengths = {len(each) for each in maps.values()}
    if len(lengths) != 1 or any(sorted(each) != list(range(len(each))) for each in maps.values()):
        given = {name: list(each) for name, each in maps.items()}
        raise ValueError(
            f"relabelled: got the maps {given}; give at least one, each a permutation of the same classes 0, 1, ..., "
            "so that no two classes become one."
        )
    _check_classes("relabelled", labels, lengths.pop())

    def chosen(rows: np.ndarray) -> Examples:
        targets = [np.asarray(each)[labels[rows]] for each in maps.values()]
        return from_sets([inputs[rows]] * len(maps), targets)

    return ExampleTasks(chosen(~held_out), chosen(held_out), tuple(maps))


def fixed_classes(permutation: Sequence[int]) -> tuple[int, ...]:
    """The classes that a map leaves where they are: what is right in both tasks."""
    return tuple(label for label, image in enumerate(permutation) if label == image)


def _check_classes(what: str, labels: np.ndarray, number: int) -> None:
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= number:
        raise ValueError(
            f"{what}: got labels of dtype {labels.dtype} from {labels.min()} to {labels.max()}; allowed are whole "
            f"numbers from 0 to {number - 1}."
        )
