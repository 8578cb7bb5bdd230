"""Speed of adaptation and specialisation for two tasks: as figure A13 measures them, and so that they mean something.

Arrays have any leading axes; the last one of a loss is the records, and similarities end in (records, teachers, paths).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.harness.blocks import first_below
from ntadyn.metrics import Specialisation, last_blocks_mask, specialisation

SMOOTHING = 100  # records: one published block and one record of the next


class Recovery(NamedTuple):
    """What happens to the loss in the last two blocks, mean over both; leading axes as those of the loss.

    Attributes:
        peak: the loss that a block begins with.
        fall_time: time until it is below a tenth of that, infinite if one of the blocks never gets there.
        slope: largest fall of the loss per unit of time.
    """

    peak: np.ndarray
    fall_time: np.ndarray
    slope: np.ndarray


def published_speed(times: np.ndarray, loss: np.ndarray, block: np.ndarray, dropped: int = 1) -> np.ndarray:
    """Largest |dL/dt| of every block, averaged over blocks, by differences of neighbouring records.

    The published rule finds every switch twice, and so drops the first record of every block but the first one. That is
    the peak: what is left of it is the fall from the second to the third record.

    Args:
        times: of the records, which lie one step apart.
        loss: as the published code logs it, before every update.
        block: the block of every record.
        dropped: records that are left out at the start of every block but the first.

    Returns:
        Speeds, without the axis of the records. Blocks with fewer than two records left do not count.
    """
    largest = []
    for index in np.unique(block):
        inside = np.flatnonzero(block == index)[dropped if index > 0 else 0 :]
        if len(inside) > 1:
            slope = np.gradient(loss[..., inside], times[inside], axis=-1)
            largest.append(np.abs(slope).max(axis=-1))
    return np.mean(largest, axis=0)


def published_specialisation(similarity: np.ndarray) -> np.ndarray:
    """max over records and paths p of |<sim_1p> - <sim_2p>|, <> a running mean over `SMOOTHING` records.

    The maximum is over the whole run, by a slip, and the running mean is about one block long: a path that is rewritten
    in every block scores as high as one that keeps to its teacher.

    Args:
        similarity: at the published records.

    Returns:
        Scores, without the axes of records, teachers and paths.
    """
    difference = similarity[..., 0, :] - similarity[..., 1, :]
    summed = np.cumsum(difference, axis=-2)
    first = summed[..., SMOOTHING - 1 : SMOOTHING, :]
    smooth = np.concatenate([first, summed[..., SMOOTHING:, :] - summed[..., :-SMOOTHING, :]], axis=-2) / SMOOTHING
    return np.abs(smooth).max(axis=(-2, -1))


def lasting_similarity(similarity: np.ndarray, block: np.ndarray) -> Specialisation:
    """Similarity of paths to their own teacher and to the other one, over the last two blocks together.

    Under the best permutation of the paths in the mean of both blocks, so that a path that follows the task in force
    comes out as like one teacher as the other.

    Args:
        similarity: shape (..., records, teachers, paths), two leading axes.
        block: the block of every record.
    """
    window = last_blocks_mask(jnp.asarray(block), int(block[-1]) + 1)
    return jax.jit(jax.vmap(jax.vmap(lambda series: specialisation(series, window))))(jnp.asarray(similarity))


def late_recovery(times: np.ndarray, loss: np.ndarray, block: np.ndarray, share: float = 0.1) -> Recovery:
    """Peak, fall and slope of the loss in the last two blocks.

    Args:
        times: of the records, those at switches included.
        loss: at the records.
        block: the block of every record.
        share: of the peak; the fall is timed until the loss is below it.
    """
    peaks, falls, slopes = [], [], []
    for index in (block[-1] - 1, block[-1]):
        inside = np.flatnonzero(block == index)
        time, values = times[inside], loss[..., inside]
        peaks.append(values[..., 0])
        falls.append(first_below(time, values / values[..., :1], share))
        slopes.append(np.max(-np.diff(values, axis=-1) / np.diff(time), axis=-1))
    return Recovery(np.mean(peaks, axis=0), np.mean(falls, axis=0), np.mean(slopes, axis=0))


def row_overlaps(teachers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the cosines of all pairs of rows, within teachers and between them.

    Args:
        teachers: shape (..., teachers, d_out, d_in).

    Returns:
        Both, over the leading axes.
    """
    rows = teachers.reshape(*teachers.shape[:-3], -1, teachers.shape[-1])
    unit = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    pairs = np.triu_indices(rows.shape[-2], 1)
    cosines = (unit @ np.swapaxes(unit, -1, -2))[..., pairs[0], pairs[1]]
    return cosines.mean(axis=-1), cosines.std(axis=-1)
