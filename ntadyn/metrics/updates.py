"""How much gates and weights move: change per record, relative change of direction, and rates per unit time."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def relative_weight_change(weights: Float[Array, "t p o i"]) -> Float[Array, " t"]:
    """mean_p |dV^p/dj|_F / max over the last half of the run, with V^p = W^p/|W^p|_F and j the record index.

    Args:
        weights: path weights at equally spaced records, shape (records, paths, d_out, d_in).

    Returns:
        Relative change, shape (records,), at most 1 in the last half of the run. 0 everywhere if nothing moves in
        the last half.

    Raises:
        ValueError: with fewer than two records.

    Source: arXiv 2411.03840, figure 2D.
    """
    change = direction_change(weights)
    largest = jnp.max(change[change.shape[0] // 2 :])
    moves = largest > 0
    return jnp.where(moves, change / jnp.where(moves, largest, jnp.ones_like(largest)), jnp.zeros_like(change))


def direction_change(weights: Float[Array, "t p o i"]) -> Float[Array, " t"]:
    """mean_p |dV^p/dj|_F with V^p = W^p/|W^p|_F: turning of the weights per record.

    Args:
        weights: path weights, shape (records, paths, d_out, d_in).

    Returns:
        Change per record, shape (records,): central differences inside, one-sided at both ends. V^p is taken as 0
        for a path that is exactly zero.

    Raises:
        ValueError: with fewer than two records.

    Source: arXiv 2411.03840, figure 2D, before it is normalised.
    """
    return jnp.mean(jnp.linalg.norm(per_record(_directions(weights)), axis=-1), axis=-1)


def direction_rate(times: Float[Array, " t"], weights: Float[Array, "t p o i"]) -> Float[Array, " t"]:
    """mean_p |dV^p/dt|_F with V^p = W^p/|W^p|_F: turning of the weights per unit time.

    Args:
        times: record times in increasing order, shape (records,); spacing may vary.
        weights: path weights, shape (records, paths, d_out, d_in).

    Returns:
        Rate in 1/time, shape (records,); 0 where the records used for it were saved at the same time.

    Raises:
        ValueError: with fewer than two records, or another number of times than of records.

    Source: arXiv 2411.03840, figure 2D, freed from the spacing of the records.
    """
    return jnp.mean(jnp.linalg.norm(_per_time(times, _directions(weights)), axis=-1), axis=-1)


def gate_change(gates: Float[Array, "t ..."]) -> Float[Array, " t"]:
    """|dc/dj|_2 with j the record index: movement of the gates per record.

    Args:
        gates: gates, shape (records, ...); all axes but the first are one vector.

    Returns:
        Change per record, shape (records,): central differences inside, one-sided at both ends.

    Raises:
        ValueError: with fewer than two records.

    Source: arXiv 2411.03840, figure 2E (there one record is 0.002 time units).
    """
    return jnp.linalg.norm(per_record(gates.reshape(gates.shape[0], -1)), axis=-1)


def gate_rate(times: Float[Array, " t"], gates: Float[Array, "t ..."]) -> Float[Array, " t"]:
    """|dc/dt|_2: movement of the gates per unit time.

    Args:
        times: record times in increasing order, shape (records,); spacing may vary.
        gates: gates, shape (records, ...); all axes but the first are one vector.

    Returns:
        Rate in 1/time, shape (records,); 0 where the records used for it were saved at the same time.

    Raises:
        ValueError: with fewer than two records, or another number of times than of records.

    Source: arXiv 2411.03840, figure 2E, freed from the spacing of the records.
    """
    return jnp.linalg.norm(_per_time(times, gates.reshape(gates.shape[0], -1)), axis=-1)


def row_change(rows: Float[Array, "t n i"]) -> Float[Array, " t"]:
    """mean_r |dW_r/dj|_2 with j the record index: movement of the rows of a layer per record.

    Args:
        rows: a layer at equally spaced records, shape (records, rows, columns): W1, or W2 = gates transposed.

    Returns:
        Change per record, shape (records,): central differences inside, one-sided at both ends.

    Raises:
        ValueError: with fewer than two records.

    Source: arXiv 2411.03840, figure A4E, before its running maximum.
    """
    return jnp.mean(jnp.linalg.norm(per_record(rows), axis=-1), axis=-1)


def running_maximum(series: Float[Array, " t"], width: int = 2) -> Float[Array, " t"]:
    """max(x_{j - width + 1}, ..., x_j), cut at the beginning of the series.

    Args:
        series: values at records, shape (records,).
        width: number of records, at least 1.

    Returns:
        Maxima, shape (records,).

    Raises:
        ValueError: if the width is not positive.

    Source: arXiv 2411.03840, figure A4E, width 2.
    """
    if width < 1:
        raise ValueError(f"a running maximum over {width} records is not possible; take at least one.")
    padded = jnp.concatenate([jnp.repeat(series[:1], width - 1), series])
    return jnp.max(jnp.stack([padded[k : k + series.shape[0]] for k in range(width)]), axis=0)


def _directions(weights: Array) -> Array:
    flat = weights.reshape(*weights.shape[:2], -1)
    # The largest entry is divided out first, so that tiny float32 weights do not underflow when they are squared.
    largest = jnp.max(jnp.abs(flat), axis=-1, keepdims=True)
    nonzero = largest > 0
    scaled = flat / jnp.where(nonzero, largest, jnp.ones_like(largest))
    norm = jnp.linalg.norm(scaled, axis=-1, keepdims=True)
    return jnp.where(nonzero, scaled / jnp.where(nonzero, norm, jnp.ones_like(norm)), jnp.zeros_like(scaled))


def _neighbour_difference(series: Array) -> Array:
    if series.shape[0] < 2:
        raise ValueError(f"a change needs at least two records; got {series.shape[0]}. Save more records.")
    padded = jnp.concatenate([series[:1], series, series[-1:]])
    return padded[2:] - padded[:-2]


def per_record(series: Array) -> Array:
    """dx/dj with j the record index: central differences inside, one-sided at both ends."""
    index = jnp.arange(series.shape[0], dtype=series.dtype)
    return _per_time(index, series)


def _per_time(times: Array, series: Array) -> Array:
    if times.shape != series.shape[:1]:
        raise ValueError(f"got {times.shape} times for {series.shape[0]} records; give one time per record.")
    elapsed = _neighbour_difference(times).reshape(-1, *(1,) * (series.ndim - 1))
    passes = elapsed > 0
    change = _neighbour_difference(series) / jnp.where(passes, elapsed, jnp.ones_like(elapsed))
    return jnp.where(passes, change, jnp.zeros_like(change))
