"""Summaries over seeds: mean with its standard error, and quantiles that allow for runs that never got there."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class MeanAndSEM(eqx.Module):
    """A mean over samples and its standard error.

    Attributes:
        mean: the mean.
        sem: sd/sqrt(n) with the unbiased variance; NaN for one sample, whose scatter is unknown.
    """

    mean: Float[Array, "..."]
    sem: Float[Array, "..."]


def mean_and_sem(values: Float[Array, "..."], axis: int = 0) -> MeanAndSEM:
    """<x> = sum_k x_k/n and sem = sqrt(sum_k (x_k - <x>)^2/(n - 1))/sqrt(n).

    The published bands are the standard error divided by sqrt(n) once more, too narrow by that factor.

    Args:
        values: samples along one axis.
        axis: that axis, for example the one of seeds.

    Returns:
        Mean and standard error, with the axis removed.

    Raises:
        ValueError: if there are no samples.
    """
    _check_samples(values, axis)
    count = values.shape[axis]
    mean = jnp.mean(values, axis=axis)
    if count == 1:
        return MeanAndSEM(mean, jnp.full_like(mean, jnp.nan))
    return MeanAndSEM(mean, jnp.std(values, axis=axis, ddof=1) / count**0.5)


def quantiles(values: Float[Array, "..."], probabilities: Float[Array, " q"], axis: int = 0) -> Float[Array, "q ..."]:
    """Q(q) = x_(k) + (q (n - 1) - k)(x_(k+1) - x_(k)), k = floor(q (n - 1)): linear between sorted samples.

    Args:
        values: samples along one axis; may contain infinity (a threshold that was never reached), which sorts to the
            end and leaves lower quantiles alone.
        probabilities: probabilities in [0, 1], shape (quantiles,).
        axis: the axis of the samples.

    Returns:
        Quantiles, shape (quantiles, ...) with the axis removed; NaN where a sample is NaN.

    Raises:
        ValueError: if there are no samples.
    """
    _check_samples(values, axis)
    ordered = jnp.sort(jnp.moveaxis(values, axis, 0), axis=0)
    position = probabilities.astype(values.dtype) * (values.shape[axis] - 1)
    below = jnp.floor(position).astype(jnp.int32)
    above = jnp.minimum(below + 1, values.shape[axis] - 1)
    share = (position - jnp.floor(position)).reshape(-1, *(1,) * (values.ndim - 1))
    # Zero times infinity is NaN: a neighbour that has no weight must not be multiplied.
    nothing = jnp.zeros_like(ordered[below])
    result = jnp.where(share < 1, (1 - share) * ordered[below], nothing) + jnp.where(
        share > 0, share * ordered[above], nothing
    )
    return jnp.where(jnp.any(jnp.isnan(ordered), axis=0, keepdims=True), jnp.full_like(result, jnp.nan), result)


def _check_samples(values: Array, axis: int) -> None:
    if values.ndim == 0 or values.shape[axis] == 0:
        raise ValueError(f"no samples along axis {axis} of an array of shape {values.shape}; give at least one.")
