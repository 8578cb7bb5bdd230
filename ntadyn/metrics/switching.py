"""How fast the loss recovers after a task switch: time to a threshold in every block."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def block_of_times(times: Float[Array, " t"], edges: Float[Array, " e"]) -> Int[Array, " t"]:
    """b(t) with edges_b <= t < edges_{b+1}: the block in force at every record.

    Args:
        times: record times, shape (records,).
        edges: block edges in increasing order, shape (blocks + 1,).

    Returns:
        Block indices, shape (records,), int32. A record at a switch belongs to the block that begins there, the
        record at the very end to the last block; times outside the run are put into the nearest block.
    """
    return jnp.searchsorted(edges[1:-1], times, side="right").astype(jnp.int32)


class ThresholdTimes(eqx.Module):
    """When the loss first fell below a threshold in each block.

    Attributes:
        time: time since the first record of the block, shape (blocks,); infinity where it was not reached, so that
            medians and quantiles over seeds stay meaningful.
        reached: whether it was reached, shape (blocks,).
    """

    time: Float[Array, " b"]
    reached: Bool[Array, " b"]


def time_to_threshold(
    times: Float[Array, " t"],
    loss: Float[Array, " t"],
    block_of_record: Int[Array, " t"],
    num_blocks: int,
    threshold: float | Float[Array, ""],
) -> ThresholdTimes:
    """inf{t : L(t_b + t) < threshold} in every block b, linear between records.

    Args:
        times: record times in increasing order, shape (records,), in the caller's unit. Time counts from the first
            record of a block, so save one at every switch.
        loss: task loss at the records, shape (records,).
        block_of_record: block index of every record, non-decreasing, shape (records,).
        num_blocks: number of blocks; may be larger than the number of blocks with records.
        threshold: the loss to fall below.

    Returns:
        Times in the caller's unit (the paper divides them by tau_w), 0 where the first record is below already, and
        where the threshold was reached.

    Raises:
        ValueError: if there are no records or the axes do not match.

    Source: arXiv 2411.03840, figure 2F, without the artefacts of `published_time_to_threshold`.
    """
    _check_records(loss=loss, block_of_record=block_of_record, times=times)
    in_block = block_of_record[None, :] == jnp.arange(num_blocks, dtype=block_of_record.dtype)[:, None]
    below = in_block & (loss < threshold)[None, :]
    reached = jnp.any(below, axis=1)
    start = jnp.argmax(in_block, axis=1)
    first = jnp.argmax(below, axis=1)
    before = jnp.maximum(first - 1, start)
    # At the first record of a block there is nothing to interpolate; an infinite loss before gives no slope either.
    drop = loss[before] - loss[first]
    interpolates = reached & (first > start) & jnp.isfinite(drop)
    share = jnp.where(interpolates, loss[before] - threshold, jnp.ones_like(drop)) / jnp.where(
        interpolates, drop, jnp.ones_like(drop)
    )
    crossing = times[before] + share * (times[first] - times[before])
    elapsed = jnp.where(reached, crossing - times[start], jnp.full_like(crossing, jnp.inf))
    return ThresholdTimes(elapsed, reached)


def published_time_to_threshold(
    loss: Float[Array, " t"],
    block_of_record: Int[Array, " t"],
    num_blocks: int,
    threshold: float | Float[Array, ""],
    record_interval: float | Float[Array, ""],
) -> Float[Array, " b"]:
    """record_interval * (index of the first record below the threshold), or of the last record if there is none.

    Kept to compare with published numbers. As published: blocks after the first are counted from their second
    record, because the central difference that finds switches reports each of them twice; a block that never gets
    there reports its own length; nothing is interpolated. One difference: blocks of three records or fewer, which
    the published rule drops from the list (later ones move up), keep their place here.

    Args:
        loss: task loss at equally spaced records, shape (records,).
        block_of_record: block index of every record, non-decreasing, shape (records,).
        num_blocks: number of blocks; one without records gives 0.
        threshold: the loss to fall below.
        record_interval: time per record; the published value is total time / number of records.

    Returns:
        Times in the unit of `record_interval`, shape (blocks,).

    Raises:
        ValueError: if there are no records or the axes do not match.

    Source: published code of arXiv 2411.03840, figure 2F.
    """
    _check_records(loss=loss, block_of_record=block_of_record)
    in_block = block_of_record[None, :] == jnp.arange(num_blocks, dtype=block_of_record.dtype)[:, None]
    later = jnp.arange(num_blocks) > 0
    start = jnp.argmax(in_block, axis=1)
    start = jnp.where(later, start + 1, start)
    counted = in_block & (jnp.arange(loss.shape[0])[None, :] >= start[:, None])
    below = counted & (loss < threshold)[None, :]
    last = jnp.maximum(jnp.sum(counted, axis=1) - 1, 0)
    index = jnp.where(jnp.any(below, axis=1), jnp.argmax(below, axis=1) - start, last)
    return index.astype(loss.dtype) * record_interval


def _check_records(**given: Array) -> None:
    shapes = {name: array.shape for name, array in given.items()}
    one_axis = all(len(shape) == 1 and shape[0] > 0 for shape in shapes.values())
    if not one_axis or len(set(shapes.values())) > 1:
        named = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"records need one non-empty axis: {named} must be equal; use jax.vmap for more axes.")
