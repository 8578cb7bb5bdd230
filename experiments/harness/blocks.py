"""Numbers of single blocks of a simulation dataset; blocks count from 0."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.metrics import time_to_threshold


def in_block(dataset: xr.Dataset, block: int) -> xr.Dataset:
    """The records of a block, the first and the last of them at its edges."""
    return dataset.isel(record=np.flatnonzero(dataset.block.values == block))


def at_start(series: xr.DataArray, block: int) -> np.ndarray:
    """What a block begins with, under its own task."""
    return series.isel(record=np.flatnonzero(series.block.values == block)[0]).values


def at_end(series: xr.DataArray, block: int) -> np.ndarray:
    """What a block ends with, under its own task."""
    return series.isel(record=np.flatnonzero(series.block.values == block)[-1]).values


def loss_after(dataset: xr.Dataset, block: int, delay: float) -> np.ndarray:
    """The loss some time after the start of a block, linear between records, shape (seeds,)."""
    inside = in_block(dataset, block)
    times = inside.time.values - inside.time.values[0]
    return np.array([np.interp(delay, times, loss) for loss in inside.loss.values])


def mean_loss(dataset: xr.Dataset, block: int) -> np.ndarray:
    """The integral of the loss over a block divided by its length, shape (seeds,)."""
    inside = in_block(dataset, block)
    times = inside.time.values
    return np.trapezoid(inside.loss.values, times, axis=1) / (times[-1] - times[0])


def time_to_loss(dataset: xr.Dataset, block: int, threshold: float) -> np.ndarray:
    """Time from the start of a block until the loss is below a threshold, infinity where it stays above; (seeds,)."""
    inside = in_block(dataset, block)
    return first_below(inside.time.values, inside.loss.values, threshold)


def fall_time(dataset: xr.Dataset, block: int, share: float = 0.1) -> np.ndarray:
    """Time until the loss is below a share of what the block began with, infinity where it stays above; (seeds,)."""
    inside = in_block(dataset, block)
    return first_below(inside.time.values, inside.loss.values / inside.loss.values[:, :1], share)


def first_below(times: np.ndarray, values: np.ndarray, threshold: float) -> np.ndarray:
    """Time from the first record until a series is below a threshold, linear between records.

    Args:
        times: of the records of one block.
        values: series at these records, any leading axes.
        threshold: what to fall below.

    Returns:
        Times, infinite where a series stays above, without the axis of the records.
    """
    records = jnp.asarray(times)
    block = jnp.zeros(records.shape, jnp.int32)

    def one(series):
        return time_to_threshold(records, series, block, 1, threshold).time[0]

    flat = jnp.asarray(values.reshape(-1, values.shape[-1]))
    return np.asarray(jax.vmap(one)(flat)).reshape(values.shape[:-1])
