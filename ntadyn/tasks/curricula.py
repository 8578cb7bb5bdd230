"""Orders of tasks: blocks in a given or a random order, made by functions.

Axes: `b` block, `m` task. Times are in the units of the caller. Durations are added up in double precision, whatever
their dtype, and sums are rounded to it once; blocks that it could not tell apart are refused.

Source: Sandbrink et al., NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, Real

from ntadyn.tasks.curriculum import AbstractCurriculum, Blocked
from ntadyn.tasks.known import known_values
from ntadyn.tasks.times import rounding, running_sums

__all__ = [
    "alternating",
    "from_switch_times",
    "in_contexts",
    "num_blocks_until",
    "random_order",
    "random_order_without_repeats",
    "sequence",
    "until",
]

# One duration for all blocks, or one for each.
BlockDurations: TypeAlias = Real[ArrayLike, "..."] | Sequence[float]


def sequence(
    tasks: Int[ArrayLike, " b"] | Sequence[int],
    durations: BlockDurations,
    num_tasks: int,
) -> Blocked:
    """Blocks of the given tasks, in the given order.

    Args:
        tasks: `(b,)`, task index of each block.
        durations: one duration for all blocks, or `(b,)`.
        num_tasks: number of tasks to choose from.

    Raises:
        ValueError: if the lengths differ, a duration is not positive, or a task index is out of range.
    """
    # Not `jnp.asarray`, which compiles a program for every length that it meets.
    order: jax.Array = tasks if isinstance(tasks, jax.Array) else jax.device_put(np.asarray(tasks))
    if order.ndim != 1 or not jnp.issubdtype(order.dtype, jnp.integer):
        raise ValueError(
            f"sequence: got tasks of shape {order.shape} and dtype {order.dtype}; allowed is a vector of integers, one "
            "per block. Give at least one task index."
        )
    return Blocked(tasks=order, durations=block_durations(durations, order.shape[0]), num_tasks=num_tasks)


def alternating(num_tasks: int, num_blocks: int, duration: BlockDurations) -> Blocked:
    """Task `b mod num_tasks` in block `b`; for two tasks A, B, A, B, ....

    Args:
        num_tasks: number of tasks.
        num_blocks: number of blocks.
        duration: one duration for all blocks, or `(b,)`.

    Raises:
        ValueError: if a number is less than 1 or a duration is not positive.

    Source: published curriculum "A_B__".
    """
    _check_counts("alternating", num_tasks, num_blocks, least_tasks=1)
    return sequence(np.arange(num_blocks) % num_tasks, duration, num_tasks)


def from_switch_times(
    times: Real[ArrayLike, " s"] | Sequence[float],
    tasks: Int[ArrayLike, " b"] | Sequence[int],
    total: Real[ArrayLike, ""],
    num_tasks: int,
) -> Blocked:
    """Block `b` from `times[b-1]` to `times[b]`, the first from 0 and the last to `total`.

    Switches are where they were asked for to a unit in the last place, however many there are: a duration is an exact
    difference unless it is longer than all blocks before it.

    Args:
        times: `(b - 1,)`, increasing, within `(0, total)`.
        tasks: `(b,)`, task index of each block.
        total: end of the last block.
        num_tasks: number of tasks to choose from.

    Raises:
        ValueError: if the times are out of order or outside `(0, total)`, if there is not one task more than there are
            times, or if a task index is out of range.
    """
    times = _as_float(times)
    total = jnp.asarray(total, times.dtype)
    edges = jnp.concatenate([jnp.zeros_like(times, shape=(1,)), times, total.reshape(1)])
    values = known_values(edges)
    if values is not None and not np.all(np.diff(values) > 0):
        raise ValueError(
            f"from_switch_times: got switch times {values[1:-1].tolist()} and total {values[-1]}; allowed are times in "
            f"strictly increasing order between 0 and total, both excluded, and not equal in {values.dtype}. Sort them "
            "and drop repeats."
        )
    return sequence(tasks, jnp.diff(edges), num_tasks)


def random_order(key: PRNGKeyArray, num_tasks: int, num_blocks: int, duration: BlockDurations) -> Blocked:
    """A task drawn uniformly and independently for every block; a task may follow itself.

    Args:
        key: draws the order.
        num_tasks: number of tasks.
        num_blocks: number of blocks.
        duration: one duration for all blocks, or `(b,)`.

    Raises:
        ValueError: if a number is less than 1 or a duration is not positive.
    """
    _check_counts("random_order", num_tasks, num_blocks, least_tasks=1)
    return sequence(jax.random.randint(key, (num_blocks,), 0, num_tasks), duration, num_tasks)


def random_order_without_repeats(
    key: PRNGKeyArray, num_tasks: int, num_blocks: int, duration: BlockDurations
) -> Blocked:
    """A uniformly random order in which every block brings another task than the one before.

    Args:
        key: draws the order.
        num_tasks: number of tasks, at least 2.
        num_blocks: number of blocks.
        duration: one duration for all blocks, or `(b,)`.

    Raises:
        ValueError: if there are fewer than 2 tasks or no block, or a duration is not positive.
    """
    _check_counts("random_order_without_repeats", num_tasks, num_blocks, least_tasks=2)
    key_first, key_steps = jax.random.split(key)
    first = jax.random.randint(key_first, (1,), 0, num_tasks)
    steps = jax.random.randint(key_steps, (num_blocks - 1,), 1, num_tasks)
    return sequence(jnp.cumsum(jnp.concatenate([first, steps])) % num_tasks, duration, num_tasks)


def in_contexts(
    branches: Sequence[int], lengths: Sequence[int], num_blocks: int, duration: BlockDurations, resumes: bool = False
) -> Blocked:
    """Tasks in blocks and contexts in blocks of blocks: a tree of contexts, whose leaves are tasks.

    All contexts take turns. A visit to a context of the first level lasts for `lengths[0]` blocks or visits to contexts
    of the next level, which take turns within it, and so on.

    Args:
        branches: branches at every level, the coarsest first: (K, M) for K contexts of M tasks each. Tasks are numbered
            along the tree, those of the first context first.
        lengths: how many blocks or visits a visit to a context consists of, one number for every level but the last.
        num_blocks: number of blocks.
        duration: one duration for all blocks, or `(b,)`.
        resumes: whether a context goes on with the task that it was left with, and not with the next.

    Raises:
        ValueError: if a number is less than 1, if there is no level, or not one length less than there are levels.
    """
    if not branches or len(lengths) != len(branches) - 1 or min(*branches, *lengths, num_blocks) < 1:
        raise ValueError(
            f"in_contexts: got branches {tuple(branches)}, lengths {tuple(lengths)} and {num_blocks} blocks; allowed "
            "are positive numbers, one length for every level of branches but the last, as in (2, 2), (4,) and 64."
        )
    branch: dict[tuple[int, ...], int] = {}

    def visit(context: tuple[int, ...], num_children: float | int) -> Iterator[int]:
        """Tasks of one visit; `branch` remembers where every context was left."""
        level, turn = len(context), 0
        while turn < num_children:
            start = context not in branch
            if not start and not (turn == 0 and resumes):
                branch[context] = (branch[context] + 1) % branches[level]
            child = (*context, branch.setdefault(context, 0))
            if len(child) == len(branches):
                yield int(np.ravel_multi_index(child, tuple(branches)))
            else:
                yield from visit(child, lengths[level])
            turn += 1

    order = list(itertools.islice(visit((), math.inf), num_blocks))
    return sequence(np.asarray(order), duration, math.prod(branches))


def until(curriculum: AbstractCurriculum, total_time: Real[ArrayLike, ""]) -> AbstractCurriculum:
    """The same curriculum, ended at `total_time`: later blocks are dropped and the last one is cut.

    An end within rounding of a block edge keeps whole blocks, so that no sliver of a block is left over. Rounding is
    half a unit in the last place for every duration and for the end, each in its own dtype, and what adding durations
    up in double precision may cost; anything else is cut where it says.

    Args:
        curriculum: with durations that are known, so outside jit and vmap.
        total_time: new end, known as well, above 0 and up to `curriculum.total_time`.

    Raises:
        ValueError: if `total_time` is not positive, if the curriculum is shorter, if the values are traced, or if the
            dtype of the durations holds no time between the start of the last block and its new end.
    """
    durations, end = known_values(curriculum.durations), known_values(total_time)
    if durations is None or end is None:
        raise ValueError(
            "until: got traced times; how many blocks remain depends on their values, which jit and vmap do not know. "
            "Cut the curriculum before entering the transformation."
        )
    edges = running_sums(durations)
    slack = rounding(edges, np.arange(edges.size), durations.dtype, end.dtype)
    end = float(end)
    if not 0.0 < end <= edges[-1] + slack[-1]:
        raise ValueError(
            f"until: got total_time = {end} for a curriculum of {edges[-1]:.15g}; allowed is above 0 and at most "
            "that. Ask for more blocks, or stop earlier."
        )
    kept = int(np.searchsorted(edges + slack, end))
    remaining = durations[:kept].copy()
    if end < edges[kept] - slack[kept]:
        remaining[-1] = end - edges[kept - 1]
    return curriculum.with_durations(jax.device_put(remaining))


def num_blocks_until(total_time: float | int, duration: float | int) -> int:
    """How many blocks of one duration `until` keeps up to an end, cutting the last one where it is too long.

    Args:
        total_time: positive and finite.
        duration: of every block, positive and finite; rounded to the default dtype, as in a curriculum.

    Raises:
        ValueError: if the end or the rounded duration is not positive and finite.
    """
    with np.errstate(over="ignore"):
        rounded = np.asarray(duration, jnp.result_type(float))
    if not (0.0 < total_time < math.inf and 0.0 < rounded < math.inf):
        raise ValueError(
            f"num_blocks_until: got total_time = {total_time} and duration = {duration}, which is {rounded} in "
            f"{rounded.dtype}; both must be positive and finite. Give times above 0."
        )
    blocks = Fraction(total_time) / Fraction(float(rounded))
    # The bound keeps the rounding of a sum that no memory holds from becoming as large as the sum.
    slack = rounding(np.ones(1), min(math.ceil(blocks), 2**31), rounded.dtype, np.float64)
    return math.ceil(blocks * (1 - Fraction(float(slack[0]))))


def block_durations(durations: BlockDurations, num_blocks: int) -> Float[Array, " b"]:
    """One duration per block, as floating-point numbers; raises ValueError if there are too many or too few."""
    durations = _as_float(durations)
    if num_blocks < 1 or durations.shape not in ((), (num_blocks,)):
        raise ValueError(
            f"curriculum: got durations of shape {durations.shape} for {num_blocks} blocks; allowed are one duration "
            "for all, or one per block, and at least 1 block. Make durations and blocks match."
        )
    values = known_values(durations)
    if values is None:
        return jnp.broadcast_to(durations, (num_blocks,))
    # In NumPy, because JAX would compile a program for every number of blocks.
    return jax.device_put(np.broadcast_to(values, (num_blocks,)))


def _as_float(x: BlockDurations) -> Float[Array, "..."]:
    x = jnp.asarray(float(x) if isinstance(x, int) else x)  # of which there are larger ones than arrays hold
    return jnp.asarray(x, x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.zeros(()).dtype)


def _check_counts(maker: str, num_tasks: int, num_blocks: int, least_tasks: int) -> None:
    if num_tasks < least_tasks or num_blocks < 1:
        raise ValueError(
            f"{maker}: got num_tasks = {num_tasks}, num_blocks = {num_blocks}; allowed are at least {least_tasks} and "
            "1. Raise the one that is too small."
        )
