"""When to step and when to record: a curriculum laid out on a time grid."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from ntadyn.tasks.curricula import AbstractCurriculum


class TimeGrid(eqx.Module):
    """Consecutive intervals, each inside one block and cut into equal steps; a record is taken at the end of each.

    Every block begins and ends with a record, the first one an interval of length zero: a switch time carries two
    records, one under the task before and one under the task after. Intervals are data, not structure: time grids of
    equal length run in one compiled program, and intervals of zero steps pad short ones.

    Attributes:
        start: t at the beginning of each interval, shape (intervals,).
        end: t at its end.
        block: the block it lies in.
        num_steps: the number of equal steps it is cut into, zero where start = end.
    """

    start: Float[Array, " j"]
    end: Float[Array, " j"]
    block: Int[Array, " j"]
    num_steps: Int[Array, " j"]

    def refined(self, factor: int) -> "TimeGrid":
        """The same intervals, each in `factor` times as many steps."""
        return TimeGrid(self.start, self.end, self.block, self.num_steps * factor)

    def padded(self, length: int) -> "TimeGrid":
        """The same grid followed by empty intervals, up to `length` intervals."""
        extra = length - self.start.shape[0]
        if extra < 0:
            raise ValueError(f"a time grid of {self.start.shape[0]} intervals cannot be padded to {length}.")
        # In NumPy, because JAX would compile a program for every length that is padded.
        start, end, block, num_steps = (np.asarray(leaf) for leaf in (self.start, self.end, self.block, self.num_steps))
        fillings = ((start, end[-1]), (end, end[-1]), (block, block[-1]), (num_steps, 0))
        padded = tuple(np.append(leaf, np.full(extra, last, leaf.dtype)) for leaf, last in fillings)
        return TimeGrid(*jax.device_put(padded))


def lay_out(
    curriculum: AbstractCurriculum,
    max_step: float,
    records_per_block: int = 0,
    times: Sequence[float] | np.ndarray = (),
) -> TimeGrid:
    """Lay a curriculum out in steps of at most `max_step` that hit every switch and every record time exactly.

    Args:
        curriculum: the blocks; its edges must be known numbers here.
        max_step: upper bound of the step, in the caller's unit of time.
        records_per_block: number of equally spaced records strictly inside every block.
        times: further record times, anywhere in [0, total time]; one at a switch falls on the records there.

    Returns:
        The grid, with floating dtype of the curriculum.

    Raises:
        ValueError: if the step is not positive, records are negative, times lie outside the curriculum, or the block
            durations are traced.
    """
    return _grid(curriculum, max_step, *_intervals(curriculum, max_step, records_per_block, times))


def _intervals(
    curriculum: AbstractCurriculum, max_step: float, records_per_block: int, times: Sequence[float] | np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, end and block of the intervals between records; raises as `lay_out`."""
    if isinstance(curriculum.durations, Tracer):
        raise ValueError(
            "a time grid needs block durations that are known numbers; make grids outside jit and vmap (`lay_out`, "
            "`stack`) and pass them to `simulation.run`, which takes them as data."
        )
    edges = np.concatenate([[0.0], np.cumsum(np.asarray(curriculum.durations, np.float64))])
    times = np.unique(np.asarray(times, np.float64))
    if not max_step > 0:
        raise ValueError(f"max_step is {max_step}; it must be positive.")
    if records_per_block < 0:
        raise ValueError(f"records_per_block is {records_per_block}; it must be zero or more.")
    # Sums of durations and decimal numbers differ by rounding; such times mean the edge or record beside them.
    rounding = 16 * float(jnp.finfo(curriculum.durations.dtype).eps) * edges[-1]
    times = _snapped(times, edges, rounding)
    if times.size and not (times[0] >= edges[0] and times[-1] <= edges[-1]):
        raise ValueError(
            f"record times span [{times[0]}, {times[-1]}], the curriculum [{edges[0]}, {edges[-1]}]; drop those "
            f"outside."
        )
    if not (records_per_block or times.size):
        ends = np.stack([edges[:-1], edges[1:]], axis=1).ravel()
        return np.repeat(edges[:-1], 2), ends, np.repeat(np.arange(edges.size - 1), 2)
    starts, ends, blocks = [], [], []
    for block, (first, last) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        equal = np.linspace(first, last, records_per_block + 2)[1:-1]
        inside = np.union1d(equal, _snapped(times[(times > first) & (times < last)], equal, rounding))
        points = np.concatenate([[first], inside, [last]])
        starts += [first, *points[:-1]]
        ends += [first, *points[1:]]
        blocks += [block] * len(points)
    return np.array(starts), np.array(ends), np.array(blocks)


def _grid(
    curriculum: AbstractCurriculum, max_step: float, start: np.ndarray, end: np.ndarray, blocks: np.ndarray
) -> TimeGrid:
    """Intervals cut into the fewest equal steps of at most `max_step`."""
    # The tolerance keeps an interval that is a whole number of steps long, up to rounding, from getting one more.
    num_steps = np.where(end > start, np.maximum(np.ceil((end - start) / max_step * (1 - 1e-9)), 1), 0)
    if np.max(num_steps) > np.iinfo(np.int32).max:
        raise ValueError(
            f"max_step is {max_step}, which makes {np.max(num_steps):.0e} steps between records; take longer ones."
        )
    num_steps = num_steps.astype(np.int32)
    dtype = curriculum.durations.dtype
    # Not `jnp.asarray`, which compiles a program for every length that it meets.
    return TimeGrid(*jax.device_put((start.astype(dtype), end.astype(dtype), blocks, num_steps)))


def lay_out_whole_steps(
    curriculum: AbstractCurriculum,
    max_step: float,
    records_per_block: int = 0,
    times: Sequence[float] | np.ndarray = (),
) -> TimeGrid:
    """`lay_out` for rules whose step is part of the rule: records wait for the end of a step instead of shortening it.

    Every block is cut into the fewest equal steps of at most `max_step`, however many records are asked for. Those
    inside a block move to the nearest end of a step, where several become one.

    Args:
        curriculum: the blocks; its edges must be known numbers here.
        max_step: upper bound of the step, in the caller's unit of time.
        records_per_block: number of about equally spaced records strictly inside every block.
        times: further record times, anywhere in [0, total time].

    Returns:
        The grid, with floating dtype of the curriculum.

    Raises:
        ValueError: as `lay_out`.
    """
    _, wanted, block = _intervals(curriculum, max_step, records_per_block, times)
    edges = np.concatenate([[0.0], np.cumsum(np.asarray(curriculum.durations, np.float64))])
    first, duration = edges[block], np.diff(edges)[block]
    num_steps = np.maximum(np.ceil(duration / max_step * (1 - 1e-9)), 1)
    share = np.round((wanted - first) / duration * num_steps) / num_steps
    return lay_out(curriculum, max_step, 0, first + share * duration)


def _snapped(times: np.ndarray, anchors: np.ndarray, tolerance: float) -> np.ndarray:
    """Each time, or the anchor that it equals within the tolerance."""
    if not anchors.size:
        return times
    nearest = anchors[np.argmin(np.abs(times[:, None] - anchors[None, :]), axis=1)]
    return np.unique(np.where(np.abs(times - nearest) <= tolerance, nearest, times))


def stack(grids: Sequence[TimeGrid]) -> TimeGrid:
    """Time grids of different lengths as one batch, padded with empty intervals; leading axis = grid."""
    length = max(item.start.shape[0] for item in grids)
    padded = [item.padded(length) for item in grids]
    return jax.tree.map(lambda *leaves: jax.device_put(np.stack(leaves)), *padded)
