"""On which side of a level a cell lies, and whether its repetitions decide that: resampled averages."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from ntadyn.maps.averages import weighted_mean
from ntadyn.maps.repetitions import factors, resampled_weights

INTERVAL = (0.05, 0.95)
NUM_RESAMPLES = 200

# An average of (values (cells..., seeds), weights (resamples, seeds)), one for each row of weights.
Average = Callable[[np.ndarray, np.ndarray], np.ndarray]

# Resamples times cells times repetitions that are held at once: some 30 MB.
CHUNK = 2**22


@dataclass(frozen=True)
class CellIntervals:
    """How sure the average of every cell is, arrays over the cells; NaN where no repetition ended well.

    Attributes:
        level: the level that the average is compared with.
        average: average over repetitions.
        probability: share of the resamples in which the average is above the level, or at it.
        lower: quantile INTERVAL[0] of the average over resamples.
        upper: quantile INTERVAL[1].
        uncertain: cells whose side the repetitions do not decide: the level lies within the interval, or a single
            repetition ended well, which has none.
    """

    level: float
    average: Float[np.ndarray, "..."]
    probability: Float[np.ndarray, "..."]
    lower: Float[np.ndarray, "..."]
    upper: Float[np.ndarray, "..."]
    uncertain: Bool[np.ndarray, "..."]


def weights_of(dataset: xr.Dataset, num_resamples: int = NUM_RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often every repetition of a sweep occurs in every resample.

    Where teachers, initial states and data were varied separately, their draws are resampled separately.

    Args:
        dataset: a sweep.
        num_resamples: how many resamples.
        seed: of the resampling.

    Returns:
        Whole numbers, shape (resamples, seeds).

    Raises:
        ValueError: for no resamples.
    """
    if num_resamples < 1:
        raise ValueError(f"num_resamples is {num_resamples}; take at least one, better {NUM_RESAMPLES}.")
    return resampled_weights(factors(dataset), num_resamples, np.random.default_rng(seed))


def cell_intervals(
    values: Float[np.ndarray, "*cells seeds"],
    weights: Float[np.ndarray, "resamples seeds"],
    level: float,
    average: Average = weighted_mean,
) -> CellIntervals:
    """The interval of the average of every cell, from resampled repetitions.

    Args:
        values: one number per trajectory, NaN where it failed.
        weights: how often each repetition occurs in each resample, from `weights_of`.
        level: the level.
        average: `weighted_mean` or `weighted_median`.

    Returns:
        Arrays over the cells.
    """
    cells, seeds = values.shape[:-1], values.shape[-1]
    flat = values.reshape(-1, seeds)
    plain = average(flat, np.ones((1, seeds)))[0]
    probability, lower, upper = (np.full(plain.shape, np.nan) for _ in range(3))
    if seeds > 1:
        step = max(1, CHUNK // max(1, weights.size))
        for start in range(0, len(flat), step):
            part = slice(start, start + step)
            probability[part], lower[part], upper[part] = spread(average(flat[part], weights), level)
    number = np.sum(np.isfinite(flat), axis=-1)
    uncertain = (number == 1) | ((number > 1) & (lower < level) & (level <= upper))
    shaped = [item.reshape(cells) for item in (plain, probability, lower, upper, uncertain)]
    return CellIntervals(level, *shaped)


def spread(resamples: Float[np.ndarray, "resamples ..."], level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of resampled averages above a level, and both quantiles; resamples without a value do not count."""
    ordered = np.sort(resamples, axis=0)  # NaN goes to the end
    number = np.sum(np.isfinite(resamples), axis=0)
    above = np.sum(resamples >= level, axis=0)
    probability = np.divide(above, number, out=np.full(number.shape, np.nan), where=number > 0)
    last = np.maximum(number - 1, 0)
    ends = (np.floor(INTERVAL[0] * last).astype(int), np.ceil(INTERVAL[1] * last).astype(int))
    lower, upper = (np.take_along_axis(ordered, index[None], axis=0)[0] for index in ends)
    return probability, lower, upper
