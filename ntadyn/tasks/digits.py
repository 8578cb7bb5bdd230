"""Streams of tasks made of 1797 handwritten digits of 8 x 8 pixels, which scikit-learn brings along.

The same images are held out in all tasks of a stream, whatever is done to them: a fifth, with all digits in equal
shares. Inputs are 64 pixels between 0 and 1.

Source: Alpaydin and Kaynak 1998, optical recognition of handwritten digits (UCI machine learning repository).
"""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage
from jaxtyping import PRNGKeyArray

from ntadyn.tasks.examples import Examples, ExampleTasks, from_sets, held_out_rows
from ntadyn.tasks.images import NUM_CLASSES, ImageSet, relabelled as relabelled_images

SIDE = 8
HELD_OUT, SEED = 0.2, 0
PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
"""The digits of every task of the usual split into five."""

Groups = Sequence[Sequence[int]]
Pixels = Callable[[np.ndarray], np.ndarray]


def images() -> ImageSet:
    """The digits as a set of images.

    Raises:
        ImportError: without scikit-learn.
    """
    pixels, classes, held_out = _digits()
    split = f"a fifth of every digit held out by seed {SEED}"
    # Sixteenths are exact in float32.
    square = pixels.reshape(-1, SIDE, SIDE).astype(np.float32)
    return ImageSet(square, classes, held_out, "8x8 digits (scikit-learn)", split)


def permuted(key: PRNGKeyArray, num_tasks: int) -> ExampleTasks:
    """All ten digits in every task, with their pixels in another order in each; the first task leaves them in place.

    Args:
        key: draws the orders.
        num_tasks: number of tasks.

    Raises:
        ValueError: for no task.
        ImportError: without scikit-learn.

    Source: Kirkpatrick et al. 2017 (arXiv 1612.00796), section 2.2, for the idea.
    """
    if num_tasks < 1:
        raise ValueError(f"permuted: got num_tasks = {num_tasks}; at least 1 task is needed.")
    keys = jax.random.split(key, num_tasks)
    orders = [np.arange(SIDE**2), *(np.asarray(jax.random.permutation(each, SIDE**2)) for each in keys[1:])]
    names = [f"order {number + 1}" for number in range(num_tasks)]
    return _changed([lambda pixels, order=order: pixels[:, order] for order in orders], names)


def rotated(angles: Sequence[float | int]) -> ExampleTasks:
    """All ten digits in every task, turned by another angle in each.

    Args:
        angles: one per task, in degrees, counterclockwise. Pixels between those of the image are interpolated linearly,
            those beyond its edge are 0.

    Raises:
        ValueError: for no angle, or one that is not finite.
        ImportError: without scikit-learn.

    Source: Lopez-Paz and Ranzato 2017 (arXiv 1706.08840), section 4.1, for the idea.
    """
    if len(angles) == 0 or not np.all(np.isfinite(angles)):
        raise ValueError(f"rotated: got the angles {list(angles)}; give at least one, all of them finite, in degrees.")

    def turned(angle: float) -> Pixels:
        def turn(pixels: np.ndarray) -> np.ndarray:
            images = pixels.reshape(-1, SIDE, SIDE)
            # The rows of an image run downwards, so that the library's positive angles turn the other way.
            turned = scipy.ndimage.rotate(images, angle, axes=(2, 1), reshape=False, order=1)
            return turned.reshape(pixels.shape)

        return turn

    return _changed([turned(float(angle)) for angle in angles], [f"{angle:g} degrees" for angle in angles])


def relabelled(maps: Mapping[str, Sequence[int]]) -> ExampleTasks:
    """All ten digits in every task, with other labels in each, see `images.relabelled`.

    Args:
        maps: name of a task -> the label of every digit from 0 to 9; for example `images.IDENTITY`, `images.PARITY`.

    Raises:
        ValueError: for no map, or one that is no permutation of the ten labels.
        ImportError: without scikit-learn.
    """
    return relabelled_images(*_digits(), maps)


def split_task_incremental(groups: Groups = PAIRS) -> ExampleTasks:
    """Every task shows some digits, and it is said which: only the outputs of these are in question.

    Args:
        groups: the digits of every task. Outputs are the ten digits.

    Raises:
        ValueError: for no task, a task of fewer than two digits, or digits that are not between 0 and 9 or named twice.
        ImportError: without scikit-learn.

    Source: van de Ven, Tuytelaars, Tolias 2022, Three types of incremental learning, Nature Machine Intelligence 4.
    """
    heads = np.zeros((len(groups), NUM_CLASSES), bool)
    for task, group in enumerate(groups):
        heads[task, [digit for digit in group if 0 <= digit < NUM_CLASSES]] = True
    return _split(groups, jnp.asarray(heads), lambda group, classes: classes)


def split_class_incremental(groups: Groups = PAIRS) -> ExampleTasks:
    """Every task shows some digits, and all ten outputs are in question: tasks must be told from each other.

    Args, errors and source: see `split_task_incremental`.
    """
    return _split(groups, jnp.ones((len(groups), NUM_CLASSES), bool), lambda group, classes: classes)


def split_domain_incremental(groups: Groups = PAIRS) -> ExampleTasks:
    """Every task shows some digits, and asks for the place of each in its group: all tasks share their few outputs.

    Args, errors and source: see `split_task_incremental`. Groups must be of one size, which is the number of outputs.
    """
    if len({len(group) for group in groups}) > 1:
        raise ValueError(
            f"split_domain_incremental: got groups of {[len(group) for group in groups]} digits; they share their "
            "outputs, so that all must be of one size."
        )
    return _split(groups, None, lambda group, classes: np.argmax(classes[:, None] == np.asarray(group), axis=1))


def _changed(changes: Sequence[Pixels], names: Sequence[str]) -> ExampleTasks:
    """Every task shows all digits, changed in another way."""
    pixels, classes, held_out = _digits()
    inputs = [change(pixels) for change in changes]

    def chosen(rows: np.ndarray) -> Examples:
        return from_sets([each[rows] for each in inputs], [classes[rows]] * len(inputs))

    return ExampleTasks(chosen(~held_out), chosen(held_out), tuple(names))


def _split(groups: Groups, heads: jax.Array | None, answers: Callable) -> ExampleTasks:
    every = [digit for group in groups for digit in group]
    known = set(every) <= set(range(NUM_CLASSES)) and len(set(every)) == len(every)
    if not known or min(map(len, groups), default=0) < 2:
        raise ValueError(
            f"got the groups {[list(group) for group in groups]}; every task needs at least two of the digits 0 to 9, "
            "and no digit may occur twice. For example ((0, 1), (2, 3))."
        )
    pixels, classes, held_out = _digits()

    def chosen(rows: np.ndarray) -> Examples:
        each = [rows & np.isin(classes, list(group)) for group in groups]
        targets = [answers(group, classes[one]) for group, one in zip(groups, each, strict=True)]
        return from_sets([pixels[one] for one in each], targets)

    names = [", ".join(map(str, group)) for group in groups]
    return ExampleTasks(chosen(~held_out), chosen(held_out), tuple(names), heads)


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels (1797, 64), classes (1797,), and which are held out."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError('the digits come with scikit-learn; install it by `pip install "ntadyn[images]"`.') from error
    pixels, classes = (np.asarray(part) for part in load_digits(return_X_y=True))
    return pixels / 16.0, classes, held_out_rows(classes, HELD_OUT, SEED)
