"""When to step and when to record: a curriculum laid out on a time grid.

Everything is laid out in double precision and rounded to the dtype of the curriculum once. Times are those that this
dtype can tell apart; lengths are kept beside them, because the difference of two late times has lost digits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from ntadyn.limits import MOST_RECORDS, MOST_STEPS, check_count
from ntadyn.tasks.curriculum import AbstractCurriculum
from ntadyn.tasks.known import known_values
from ntadyn.tasks.times import rounding, running_sums, spacing


class TimeGrid(eqx.Module):
    """Consecutive intervals, each inside one block and cut into equal steps, with a record at the end of each.

    Every block begins and ends with a record, and its first interval has length zero: a switch time has two records,
    one under the task before and one under the task after. Intervals are data, not structure: time grids of equal
    length run in one compiled program, and intervals without steps pad shorter ones.

    Attributes:
        start: t at the beginning of each interval, shape (intervals,).
        end: t at its end, shape (intervals,).
        length: its length, shape (intervals,); late in a run `end - start` has a large relative error.
        block: the block in which it lies, shape (intervals,).
        num_steps: the number of its equal steps, shape (intervals,); zero where start = end.
    """

    start: Float[Array, " j"]
    end: Float[Array, " j"]
    length: Float[Array, " j"]
    block: Int[Array, " j"]
    num_steps: Int[Array, " j"]

    def refined(self, factor: int) -> "TimeGrid":
        """The same intervals, each in `factor` times as many steps.

        Raises:
            ValueError: if these are more than `MOST_STEPS`.
        """
        num_steps = known_values(self.num_steps)
        if num_steps is not None:
            _check_num_steps(factor * num_steps.astype(np.float64), f"a refinement by {factor}")
        return TimeGrid(self.start, self.end, self.length, self.block, self.num_steps * factor)

    def num_real(self) -> Int[Array, ""]:
        """How many intervals come before the padding, which repeats the last block without a step."""
        begins = self.block != jnp.concatenate([self.block[:1] - 1, self.block[:-1]])
        return jnp.max(jnp.where(begins | (self.num_steps > 0), jnp.arange(1, self.block.size + 1), 0))

    def padded(self, length: int) -> "TimeGrid":
        """The same grid, extended to `length` intervals by empty ones.

        Raises:
            ValueError: if it is longer already.
        """
        if length < self.start.shape[0]:
            raise ValueError(
                f"a time grid of {self.start.shape[0]} intervals cannot be padded to {length}; ask for more."
            )
        # In NumPy, because JAX would compile a program for every length.
        grid = [np.asarray(leaf) for leaf in (self.start, self.end, self.length, self.block, self.num_steps)]
        _, end, _, block, _ = (leaf[-1] for leaf in grid)
        padded = [np.full(length, last, leaf.dtype) for leaf, last in zip(grid, (end, end, 0, block, 0), strict=True)]
        for whole, leaf in zip(padded, grid, strict=True):
            whole[: leaf.size] = leaf
        return TimeGrid(*jax.device_put(padded))


class _Records(NamedTuple):
    """When records are taken, in the order of time; the axis is that of `TimeGrid`.

    Attributes:
        block: the block.
        offset: time since its start, zero for the first record of every block.
        time: time since the start of the curriculum.
    """

    block: np.ndarray
    offset: np.ndarray
    time: np.ndarray


def lay_out(
    curriculum: AbstractCurriculum,
    max_step: float,
    records_per_block: int = 0,
    times: Sequence[float] | np.ndarray = (),
) -> TimeGrid:
    """Lay a curriculum out in steps of at most `max_step` that hit every switch and every record time exactly.

    A time that equals a switch or another record up to the rounding of durations and times (see `tasks.times.rounding`)
    is that switch or record. Any other time becomes the nearest number of the dtype.

    Args:
        curriculum: the blocks; its durations must be known numbers here.
        max_step: upper bound on the step, in the caller's unit of time.
        records_per_block: number of equally spaced records strictly inside every block.
        times: further record times, anywhere in [0, total time]; a time at a switch is that of the records there.

    Returns:
        The grid, in the floating dtype of the curriculum.

    Raises:
        ValueError: if the step is not positive, the number of records is negative, times lie outside the curriculum,
            different records are one number in the dtype, there are too many steps or records, or the block durations
            are traced.
    """
    durations = _checked(curriculum, max_step, records_per_block)
    records = _records(durations, records_per_block, times)
    length = _since_last(records.offset)
    return _grid(durations.dtype, records, length, _num_steps(length, max_step, durations.dtype))


def lay_out_whole_steps(
    curriculum: AbstractCurriculum,
    max_step: float,
    records_per_block: int = 0,
    times: Sequence[float] | np.ndarray = (),
) -> TimeGrid:
    """`lay_out` for rules whose step is part of the rule: records wait for the end of a step instead of shortening it.

    Every block is cut into the fewest equal steps of at most `max_step`, whatever the number of records. Records inside
    a block move to the nearest end of a step; several at the same end become one.

    Args:
        curriculum: the blocks; its durations must be known numbers here.
        max_step: upper bound on the step, in the caller's unit of time.
        records_per_block: number of roughly equally spaced records strictly inside every block.
        times: further record times, anywhere in [0, total time].

    Returns:
        The grid, in the floating dtype of the curriculum.

    Raises:
        ValueError: as `lay_out`.
    """
    durations = _checked(curriculum, max_step, records_per_block)
    wanted = _records(durations, records_per_block, times)
    steps_per_block = _num_steps(durations.astype(np.float64), max_step, durations.dtype)
    duration, whole = durations.astype(np.float64)[wanted.block], steps_per_block[wanted.block]
    done = np.round(wanted.offset / duration * whole).astype(np.int32)
    kept = np.append(True, (np.diff(wanted.block) > 0) | (np.diff(done) > 0))
    block, done, whole, duration = wanted.block[kept], done[kept], whole[kept], duration[kept]
    edges = running_sums(durations)
    offset = done / whole * duration
    time = np.where(done == whole, edges[block + 1], edges[block] + offset)
    num_steps = _since_last(done)
    return _grid(durations.dtype, _Records(block, offset, time), num_steps / whole * duration, num_steps)


def stack(grids: Sequence[TimeGrid]) -> TimeGrid:
    """Time grids of different lengths as one batch, padded with empty intervals; leading axis = grid.

    Raises:
        ValueError: if there is no grid, or if their dtypes differ.
    """
    dtypes = sorted({str(item.start.dtype) for item in grids})
    if len(dtypes) != 1:
        raise ValueError(f"got {len(grids)} time grids of the dtypes {dtypes}; stack one or more, all of one dtype.")
    length = max(item.start.shape[0] for item in grids)
    padded = [item.padded(length) for item in grids]
    return jax.tree.map(lambda *leaves: jax.device_put(np.stack(leaves)), *padded)


def _checked(curriculum: AbstractCurriculum, max_step: float, records_per_block: int) -> np.ndarray:
    """The durations of the blocks; refuses arguments that make no grid, before any is made."""
    durations = known_values(curriculum.durations)
    if durations is None:
        raise ValueError(
            "a time grid needs block durations that are known numbers; make grids outside jit and vmap (`lay_out`, "
            "`stack`) and pass them to `integrate`, which takes them as data."
        )
    if not max_step > 0:
        raise ValueError(f"max_step is {max_step}; it must be positive.")
    if not (isinstance(records_per_block, int | np.integer) and records_per_block >= 0):
        raise ValueError(f"records_per_block is {records_per_block}; it must be a whole number, zero or more.")
    return durations


def _records(durations: np.ndarray, records_per_block: int, times: Sequence[float] | np.ndarray) -> _Records:
    """Starts and ends of blocks, equally spaced records in between, and `times`; refuses what `lay_out` refuses."""
    given, per_block = np.asarray(times), records_per_block + 2
    what = f"{durations.size:,} blocks, records_per_block {records_per_block:,} and {given.size:,} further times"
    check_count(what, durations.size * per_block + given.size, MOST_RECORDS)
    edges = running_sums(durations)
    offset = durations.astype(np.float64)[:, None] * (np.arange(per_block) / (per_block - 1))
    time = edges[:-1, None] + offset
    time[:, -1] = edges[1:]
    records = _Records(np.repeat(np.arange(durations.size), per_block), offset.ravel(), time.ravel())
    if not given.size:
        return records
    further = _further_records(records, edges, given, durations.dtype)
    block, offset, time = (np.concatenate(pair) for pair in zip(records, further, strict=True))
    order = np.lexsort((offset, block))
    return _Records(block[order], offset[order], time[order])


def _further_records(records: _Records, edges: np.ndarray, given: np.ndarray, dtype: DTypeLike) -> _Records:
    """Those of the given times that are not records already."""
    times = np.unique(given.astype(np.float64))
    after = np.clip(np.searchsorted(records.time, times), 1, records.time.size - 1)
    is_closer = times - records.time[after - 1] < records.time[after] - times
    nearest = np.where(is_closer, after - 1, after)
    slack = rounding(records.time[nearest], records.block[nearest] + 1, dtype, given.dtype)
    times = times[~(np.abs(times - records.time[nearest]) <= slack)]
    if times.size and not (times[0] >= 0.0 and times[-1] <= edges[-1]):
        raise ValueError(
            f"record times span [{given.min()}, {given.max()}], the curriculum [0.0, {edges[-1]}]; drop those outside."
        )
    # Times that differ in double precision only, and by no more than its rounding, are one time.
    is_new = np.append(True, np.diff(times.astype(dtype).astype(np.float64)) > 0)[: times.size]
    first = times[is_new][np.cumsum(is_new) - 1]
    times = times[is_new | (times - first > rounding(times, 0, given.dtype))]
    block = np.searchsorted(edges, times, side="right") - 1
    return _Records(block, times - edges[block], times)


def _since_last(since_start: np.ndarray) -> np.ndarray:
    """The increase since the record before, of a quantity that starts from zero in every block."""
    added = np.zeros_like(since_start)
    added[1:] = np.maximum(since_start[1:] - since_start[:-1], 0)
    return added


def _num_steps(length: np.ndarray, max_step: float, dtype: DTypeLike) -> np.ndarray:
    """The fewest equal steps of at most `max_step` for every interval; none for intervals of length zero."""
    # Keeps an interval whose length is a whole number of steps up to rounding from getting one more.
    tolerance = 1e-9 + float(jnp.finfo(dtype).eps)
    with np.errstate(over="ignore"):
        whole = np.maximum(np.ceil(length / max_step * (1 - tolerance)), length > 0)
    _check_num_steps(whole, f"max_step is {max_step}, which")
    return whole.astype(np.int32)


def _check_num_steps(num_steps: np.ndarray, what: str) -> None:
    most = float(np.sum(num_steps))
    if not most <= MOST_STEPS:
        raise ValueError(
            f"{what} makes {most:.0e} steps, and the limit is {MOST_STEPS:,}; take longer steps (max_step; if you did "
            f"not choose it, larger time constants), or make the run shorter."
        )


def _grid(dtype: DTypeLike, records: _Records, length: np.ndarray, num_steps: np.ndarray) -> TimeGrid:
    """Intervals that end at the rounded records; refuses records that rounding makes equal."""
    (block, offset, time), rounded = records, records.time.astype(dtype)
    is_inside = offset[1:] > 0
    for k in np.flatnonzero(is_inside & (rounded[1:] <= rounded[:-1]))[:1].tolist():
        apart = spacing(float(time[k + 1]), dtype)
        raise ValueError(
            f"records at t = {time[k]} and {time[k + 1]} in block {block[k]} are one number in {dtype}, whose numbers "
            f"lie {apart:.2g} apart there; drop one of them, take fewer records_per_block, make the run shorter, or "
            "build the curriculum in double precision."
        )
    start = rounded.copy()
    start[1:][is_inside] = rounded[:-1][is_inside]
    # Not `jnp.asarray`, which would compile a program for every length.
    return TimeGrid(*jax.device_put((start, rounded, length.astype(dtype), block, num_steps)))
