"""Averages and quantiles over repetitions, some of which may be missing: plain arrays, seeds on the last axis."""

import numpy as np
from jaxtyping import Float


def weighted_mean(
    values: Float[np.ndarray, "... seeds"], weights: Float[np.ndarray, "resamples seeds"]
) -> Float[np.ndarray, "resamples ..."]:
    """m_b = sum_k w_bk x_k/sum_k w_bk over the repetitions k that are finite.

    Args:
        values: one number per trajectory, NaN where it is missing.
        weights: how often each repetition counts, not negative.

    Returns:
        Means, shape (resamples, cells...); NaN where every repetition that counts is missing.
    """
    present = np.isfinite(values)
    number = np.tensordot(weights, present.astype(np.float64), axes=(1, -1))
    total = np.tensordot(weights, np.where(present, values, 0.0).astype(np.float64), axes=(1, -1))
    return np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)


def weighted_median(
    values: Float[np.ndarray, "... seeds"], weights: Float[np.ndarray, "resamples seeds"]
) -> Float[np.ndarray, "resamples ..."]:
    """The value with half of the weight on either side; the middle of both where two values qualify.

    Args:
        values: one number per trajectory, NaN where it is missing.
        weights: how often each repetition counts: whole numbers, not negative.

    Returns:
        Medians, shape (resamples, cells...); NaN where every repetition that counts is missing.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1).astype(np.float64)
    counted = weights[:, order] * np.isfinite(ordered)
    running = np.cumsum(counted, axis=-1)
    total = running[..., -1:]
    last = values.shape[-1] - 1
    # Running sums are whole numbers, so an even split is met exactly.
    low = np.minimum(np.sum(running < total / 2, axis=-1), last)
    high = np.minimum(np.sum(running <= total / 2, axis=-1), last)
    spread = np.broadcast_to(ordered, running.shape)
    middle = 0.5 * sum(np.take_along_axis(spread, index[..., None], axis=-1)[..., 0] for index in (low, high))
    return np.where(total[..., 0] > 0, middle, np.nan)


def quantiles(
    values: Float[np.ndarray, "*cells seeds"], probabilities: tuple[float, ...]
) -> Float[np.ndarray, "*cells quantiles"]:
    """Linear between sorted finite samples: Q(q) at position q (n - 1), n the number of finite samples.

    Args:
        values: one number per trajectory, NaN where it is missing.
        probabilities: in [0, 1].

    Returns:
        Quantiles, shape (cells..., quantiles); NaN where nothing is finite.
    """
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=-1).astype(np.float64)  # NaN goes to the end
    number = np.sum(np.isfinite(ordered), axis=-1)
    position = np.maximum(number - 1, 0)[..., None] * np.asarray(probabilities)
    below = np.floor(position).astype(int)
    above = np.ceil(position).astype(int)
    low, high = (np.take_along_axis(ordered, index, axis=-1) for index in (below, above))
    return low + (position - below) * (high - low)
