"""Which task is in force when: blocks in a given or a random order.

A curriculum is a list of blocks with durations and says, for each block and time, which task is in force: as a rule the
mixture weights `a (m,)` of the teachers, whose target map is `sum_m a_m W*^m`. Its `edges` tell a solver where that may
jump.

Axes: `b` block, `m` task. Times are in the units of the caller. Durations are added up in double precision, whatever
their dtype, and sums are rounded to it once; blocks that it could not tell apart are refused.

Source: Sandbrink et al., NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

import abc
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, PyTree, Real

from ntadyn.tasks.known import known_values
from ntadyn.tasks.times import joined, rounding, running_sums, spacing

__all__ = [
    "AbstractCurriculum",
    "Blocked",
    "Listed",
    "alternating",
    "from_switch_times",
    "num_blocks_until",
    "random_order",
    "random_order_without_repeats",
    "sequence",
    "until",
]

# One duration for all blocks, or one for each.
BlockDurations: TypeAlias = Real[ArrayLike, "..."] | Sequence[float]


class AbstractCurriculum(eqx.Module):
    """Blocks in time, and the task in force.

    Attributes:
        durations: `(b,)`, length of each block. A leaf, so that sweeps may vmap over block lengths.
        num_tasks: number of tasks that there are.

    Raises:
        ValueError: if there is no block, if a duration is not positive and finite, if the dtype holds no time between
            the start and the end of a block or not the end of the last one, or if there is no task. Values are checked
            where they are known; under jit and vmap only shapes are.
    """

    durations: eqx.AbstractVar[Float[Array, " b"]]
    num_tasks: eqx.AbstractVar[int]

    def __check_init__(self):
        name = type(self).__name__
        shape, dtype = self.durations.shape, self.durations.dtype
        if len(shape) != 1 or shape[0] == 0 or not jnp.issubdtype(dtype, jnp.floating):
            raise ValueError(
                f"{name}: got durations of shape {shape} and dtype {dtype}; allowed is a floating-point vector with "
                "one entry per block. Give at least one block; vmap over batches."
            )
        values = known_values(self.durations)
        if values is not None and not np.all((values > 0) & np.isfinite(values)):
            raise ValueError(
                f"{name}: got durations {values.tolist()}; every block must last a positive, finite time. Remove empty "
                "blocks, and give switch times in increasing order."
            )
        if values is not None:
            _check_edges(name, values)
        if self.num_tasks < 1:
            raise ValueError(f"{name}: got num_tasks = {self.num_tasks}; at least 1 task is needed. Add a task.")

    @abc.abstractmethod
    def task(self, block: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> PyTree:
        """What is to be learned, as systems take it: any pytree of arrays.

        Where tasks are teachers, `a_m(t)` `(m,)`: the share of each in the target, in the dtype of `durations`.

        Args:
            block: index of the current block, 0 to `num_blocks - 1`.
            t: time since the start of the curriculum.
        """

    @abc.abstractmethod
    def with_durations(self, durations: Float[Array, " b"]) -> "AbstractCurriculum":
        """The first `len(durations)` blocks of this curriculum, with these durations instead.

        Args:
            durations: `(b,)`, no longer than `num_blocks`.

        Raises:
            ValueError: if there are more durations than blocks, or as on construction.
        """

    @property
    def num_blocks(self) -> int:
        """Number of blocks."""
        return self.durations.shape[0]

    @property
    def edges(self) -> Float[Array, " b_plus_1"]:
        """`(b + 1,)`: start of the first block, which is 0, and the end of every block.

        Each is the number of the dtype next to the exact sum of durations. Where durations are traced they are added in
        their own dtype, pair by pair, which costs one rounding for every doubling of the number of blocks.
        """
        values = known_values(self.durations)
        if values is None:
            return jnp.concatenate([jnp.zeros_like(self.durations, shape=(1,)), jnp.cumsum(self.durations)])
        return jax.device_put(running_sums(values).astype(values.dtype))

    @property
    def switch_times(self) -> Float[Array, " b_minus_1"]:
        """`(b - 1,)`: times at which one block gives way to the next."""
        return self.edges[1:-1]

    @property
    def total_time(self) -> Float[Array, ""]:
        """End of the last block."""
        return self.edges[-1]


class Blocked(AbstractCurriculum):
    """`a(t) = one_hot(tasks[block])`: one task per block, with jumps in between.

    Attributes:
        tasks: `(b,)`, index of the task of each block.
        durations: `(b,)`, length of each block.
        num_tasks: number of tasks to choose from.

    Raises:
        ValueError: if there are not as many tasks as durations, if a task index is outside `0 .. num_tasks - 1`, or as
            for `AbstractCurriculum`.
    """

    tasks: Int[Array, " b"] = eqx.field(converter=jnp.asarray)
    durations: Float[Array, " b"] = eqx.field(converter=jnp.asarray)
    num_tasks: int = eqx.field(static=True)

    def __check_init__(self):
        if self.tasks.shape != self.durations.shape:
            raise ValueError(
                f"Blocked: got tasks of shape {self.tasks.shape} for durations of shape {self.durations.shape}; each "
                "block needs one task and one duration. Make them equally long."
            )
        tasks = known_values(self.tasks)
        if tasks is not None and not np.all((tasks >= 0) & (tasks < self.num_tasks)):
            raise ValueError(
                f"Blocked: got tasks {tasks.tolist()} with num_tasks = {self.num_tasks}; allowed are indices 0 to "
                f"{self.num_tasks - 1}. Raise num_tasks or correct the indices."
            )

    def task(self, block: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, " m"]:
        """`a_m = 1` for the task of the block, else 0; constant within a block, so `t` is not used."""
        del t
        return jax.nn.one_hot(self.tasks[block], self.num_tasks, dtype=self.durations.dtype)

    def with_durations(self, durations: Float[Array, " b"]) -> "Blocked":
        """The first `len(durations)` blocks, with these durations `(b,)` instead; the tasks stay."""
        kept = kept_blocks("Blocked", durations, self.num_blocks)
        known = known_values(self.tasks)
        # In NumPy, because JAX would compile a program for every number of blocks.
        tasks = self.tasks[:kept] if known is None else jax.device_put(known[:kept])
        return Blocked(tasks=tasks, durations=durations, num_tasks=self.num_tasks)


class Listed(AbstractCurriculum):
    """The task of block b is entry b of a list: indices of data sets, states of a hazard, batches, whatever arrays say.

    Attributes:
        tasks: pytree of arrays, leading axis = block.
        durations: `(b,)`, length of each block.
        num_tasks: number of tasks to choose from.

    Raises:
        ValueError: if an array has another number of entries than there are durations, or as for `AbstractCurriculum`.
    """

    tasks: PyTree
    durations: Float[Array, " b"] = eqx.field(converter=jnp.asarray)
    num_tasks: int = eqx.field(static=True)

    def __check_init__(self):
        shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(self.tasks)]
        if not shapes or any(shape[:1] != self.durations.shape for shape in shapes):
            raise ValueError(
                f"Listed: got arrays of the shapes {shapes} for durations of shape {self.durations.shape}; every array "
                "needs one entry per block. Make them equally long."
            )

    def task(self, block: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> PyTree:
        """The entry of the block."""
        del t
        return jax.tree.map(lambda leaf: leaf[block], self.tasks)

    def with_durations(self, durations: Float[Array, " b"]) -> "Listed":
        """The first `len(durations)` blocks, with these durations `(b,)` instead; the tasks stay."""
        kept = kept_blocks("Listed", durations, self.num_blocks)
        tasks = jax.tree.map(lambda leaf: leaf[:kept], self.tasks)
        return Listed(tasks=tasks, durations=durations, num_tasks=self.num_tasks)


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


def kept_blocks(maker: str, durations: Float[Array, " b"], num_blocks: int) -> int:
    """How many blocks `durations` is for; raises ValueError unless it is a vector of at most `num_blocks`."""
    if durations.ndim != 1 or not 1 <= durations.size <= num_blocks:
        raise ValueError(
            f"{maker}.with_durations: got durations of shape {durations.shape} for {num_blocks} blocks; allowed is a "
            f"vector of 1 to {num_blocks} of them. Drop the surplus, or build a longer curriculum."
        )
    return durations.size


def _check_edges(name: str, durations: np.ndarray) -> None:
    """Refuse blocks that begin and end at the same number of their dtype, or end beyond its largest one."""
    edges, dtype = running_sums(durations), durations.dtype
    if not edges[-1] <= float(jnp.finfo(dtype).max):
        raise ValueError(
            f"{name}: the {durations.size} blocks last longer together than the largest number of {dtype}; use shorter "
            "blocks, or fewer of them."
        )
    for block in joined(edges, dtype)[:1].tolist():
        raise ValueError(
            f"{name}: block {block} lasts {durations[block]:.6g} from t = {edges[block]:.10g} on, where the numbers of "
            f"{dtype} lie {spacing(edges[block], dtype):.2g} apart; it would begin and end at the same time. Use "
            "double precision, longer blocks, or a shorter run."
        )


def _as_float(x: BlockDurations) -> Float[Array, "..."]:
    x = jnp.asarray(float(x) if isinstance(x, int) else x)  # of which there are larger ones than arrays hold
    return jnp.asarray(x, x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.zeros(()).dtype)


def _check_counts(maker: str, num_tasks: int, num_blocks: int, least_tasks: int) -> None:
    if num_tasks < least_tasks or num_blocks < 1:
        raise ValueError(
            f"{maker}: got num_tasks = {num_tasks}, num_blocks = {num_blocks}; allowed are at least {least_tasks} and "
            "1. Raise the one that is too small."
        )
