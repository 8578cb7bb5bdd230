"""Which task is in force when: blocks in a given order, the published schedules by name, smooth switching.

A curriculum is a list of blocks with durations and, for each block and time, the mixture weights `a (m,)` of the
teachers: the target map is `sum_m a_m W*^m`. Its `edges` tell a solver where that mixture may jump.

Axes: `b` block, `m` task. Times are in the units of the caller.

Source: Sandbrink et al., NeurIPS 2024 (arXiv 2411.03840), and its published code.
"""

import abc
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, Real

__all__ = [
    "NAMED",
    "AbstractCurriculum",
    "Blocked",
    "Schedule",
    "Smooth",
    "alternating",
    "from_switch_times",
    "named",
    "published_num_blocks",
    "published_step_count",
    "published_switch_block",
    "random_order",
    "random_order_without_repeats",
    "sequence",
    "until",
]


class AbstractCurriculum(eqx.Module):
    """Blocks in time, and the mixture of teachers `a_m(t)` in force.

    Attributes:
        durations: `(b,)`, length of each block. A leaf, so that sweeps may vmap over block lengths.
        num_tasks: number of tasks that the weights speak about.

    Raises:
        ValueError: if there is no block, if a duration is not positive and finite, or if there is no task. Values are
            checked where they are known; under jit and vmap only shapes are.
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
        values = _known_values(self.durations)
        if values is not None and not np.all((values > 0) & np.isfinite(values)):
            raise ValueError(
                f"{name}: got durations {values.tolist()}; every block must last a positive, finite time. Remove empty "
                "blocks, and give switch times in increasing order."
            )
        if self.num_tasks < 1:
            raise ValueError(f"{name}: got num_tasks = {self.num_tasks}; at least 1 task is needed. Add a task.")

    @abc.abstractmethod
    def weights(self, block: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, " m"]:
        """`a_m(t)`: share of each teacher in the target, in the dtype of `durations`.

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
        """`(b + 1,)`: start of the first block, which is 0, and the end of every block."""
        return jnp.concatenate([jnp.zeros_like(self.durations, shape=(1,)), jnp.cumsum(self.durations)])

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
        tasks = _known_values(self.tasks)
        if tasks is not None and not np.all((tasks >= 0) & (tasks < self.num_tasks)):
            raise ValueError(
                f"Blocked: got tasks {tasks.tolist()} with num_tasks = {self.num_tasks}; allowed are indices 0 to "
                f"{self.num_tasks - 1}. Raise num_tasks or correct the indices."
            )

    def weights(self, block: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, " m"]:
        """`a_m = 1` for the task of the block, else 0; constant within a block, so `t` is not used."""
        del t
        return jax.nn.one_hot(self.tasks[block], self.num_tasks, dtype=self.durations.dtype)

    def with_durations(self, durations: Float[Array, " b"]) -> "Blocked":
        """The first `len(durations)` blocks, with these durations `(b,)` instead; the tasks stay."""
        kept = _kept_blocks("Blocked", durations, self.num_blocks)
        return Blocked(tasks=self.tasks[:kept], durations=durations, num_tasks=self.num_tasks)


class Smooth(AbstractCurriculum):
    """`a_i(t) = 1/2 + 1/2 sign(u_i) |sin(pi u_i / 2)|^(1/g)`: tasks 0, 1, ... in turn, with soft switches.

    With `tau` the block length and `n` tasks, `r_i` is the distance of `t` from the nearest middle of a block of task
    `i` (those middles lie `n tau` apart), and `u_i = cos(pi r_i / tau)` up to `r_i = tau`, else -1. The middles are
    shifted by `tau/2` times 1e-4, as published, so that a switch time never sits exactly on the steepest point.
    The weights sum to one. The larger `g`, the sharper the switch; a weight is 1 in the middle of its block only.

    The published shift is a quarter period, `n tau / 4`. It equals the half block used here for two tasks, the only
    case in the paper, and would put the blocks of more tasks out of step with `edges`.

    Attributes:
        hardness: `g`, dimensionless and positive.
        block_duration: `tau`.
        durations: `(b,)`; all `tau` at first, `until` may shorten the last one, which does not speed up the mixture.
        num_tasks: `n`.

    Raises:
        ValueError: if `hardness` or `block_duration` is not positive and finite, if `num_blocks` or `num_tasks` is
            less than 1 (or 2, for tasks to switch between).

    Source: published code, smooth context switching of the reduced model (Figs 4, A1, A9, A10).
    """

    hardness: Float[Array, ""]
    block_duration: Float[Array, ""]
    durations: Float[Array, " b"]
    num_tasks: int = eqx.field(static=True)

    def __init__(
        self,
        hardness: Real[ArrayLike, ""],
        block_duration: Real[ArrayLike, ""],
        num_blocks: int,
        num_tasks: int = 2,
    ):
        """Equal blocks in which the tasks take turns.

        Args:
            hardness: `g`, dimensionless and positive.
            block_duration: `tau`, which also sets the dtype.
            num_blocks: number of blocks.
            num_tasks: number of tasks, at least 2.
        """
        self.durations = _durations(block_duration, num_blocks)
        self.block_duration = jnp.asarray(block_duration, self.durations.dtype)
        self.hardness = jnp.asarray(hardness, self.durations.dtype)
        self.num_tasks = num_tasks

    def __check_init__(self):
        hardness = _known_values(self.hardness)
        if hardness is not None and not (np.isfinite(hardness) and hardness > 0):
            raise ValueError(
                f"Smooth: got hardness = {hardness}; it must be positive and finite. For jumps use Blocked curricula."
            )
        if self.num_tasks < 2:
            raise ValueError(
                f"Smooth: got num_tasks = {self.num_tasks}; switching needs at least 2. Use sequence(...) for one task."
            )

    def weights(self, block: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> Float[Array, " m"]:
        """`a_i(t)` of the class formula; it follows from the time alone, so `block` is not used."""
        del block
        tau = self.block_duration
        period = self.num_tasks * tau
        middles = jnp.arange(self.num_tasks, dtype=tau.dtype) * tau + 0.5 * tau * (1.0 - 1e-4)
        within = jnp.abs(jnp.fmod(jnp.asarray(t, tau.dtype) - middles, period))
        phase = jnp.pi * jnp.minimum(within, period - within) / tau
        wave = jnp.where(phase < jnp.pi, jnp.cos(phase), -1.0)
        # The power has an infinite slope at 0, where the sign makes its value irrelevant.
        height = jnp.where(wave == 0.0, 1.0, jnp.abs(jnp.sin(0.5 * jnp.pi * wave)))
        return 0.5 + 0.5 * jnp.sign(wave) * height ** (1.0 / self.hardness)

    def with_durations(self, durations: Float[Array, " b"]) -> "Smooth":
        """The first `len(durations)` blocks, with these durations `(b,)`; the mixture keeps its `block_duration`."""
        _kept_blocks("Smooth", durations, self.num_blocks)
        changed = eqx.tree_at(lambda curriculum: curriculum.durations, self, durations)
        AbstractCurriculum.__check_init__(changed)  # tree_at does not construct, so nothing else would look
        return changed


def sequence(
    tasks: Int[ArrayLike, " b"] | Sequence[int],
    durations: Real[ArrayLike, "..."] | Sequence[float],
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
    tasks = jnp.asarray(tasks)
    if tasks.ndim != 1 or not jnp.issubdtype(tasks.dtype, jnp.integer):
        raise ValueError(
            f"sequence: got tasks of shape {tasks.shape} and dtype {tasks.dtype}; allowed is a vector of integers, one "
            "per block. Give at least one task index."
        )
    return Blocked(tasks=tasks, durations=_durations(durations, tasks.shape[0]), num_tasks=num_tasks)


def alternating(num_tasks: int, num_blocks: int, duration: Real[ArrayLike, "..."] | Sequence[float]) -> Blocked:
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
    values = _known_values(edges)
    if values is not None and not np.all(np.diff(values) > 0):
        raise ValueError(
            f"from_switch_times: got switch times {values[1:-1].tolist()} and total {values[-1]}; allowed are times in "
            "strictly increasing order between 0 and total, both excluded. Sort them and drop repeats."
        )
    return sequence(tasks, jnp.diff(edges), num_tasks)


def random_order(
    key: PRNGKeyArray, num_tasks: int, num_blocks: int, duration: Real[ArrayLike, "..."] | Sequence[float]
) -> Blocked:
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
    key: PRNGKeyArray, num_tasks: int, num_blocks: int, duration: Real[ArrayLike, "..."] | Sequence[float]
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


class Schedule(NamedTuple):
    """A published schedule: task index from block index `b (b,)`, base tasks `M` and composites `C`.

    Attributes:
        training: `(b, M, C) -> index`, before the switch block.
        testing: the same from the switch block on.
        num_base: the only `M` for which the indices are the tasks in the name; None where they follow `M`.
    """

    training: Callable[[np.ndarray, int, int], np.ndarray]
    testing: Callable[[np.ndarray, int, int], np.ndarray]
    num_base: int | None = None


NAMED: Mapping[str, Schedule] = MappingProxyType(
    {
        "A_B__": Schedule(lambda b, M, C: b % M, lambda b, M, C: b % M),
        "A_B__AB__": Schedule(lambda b, M, C: b % M, lambda b, M, C: np.full_like(b, 2), num_base=2),
        "B_AB__A_B_AB__": Schedule(lambda b, M, C: b % M + 1, lambda b, M, C: b % (M + C)),
        "B_AB__A_B__": Schedule(lambda b, M, C: b % M + 1, lambda b, M, C: b % M),
        "AB_BC__": Schedule(lambda b, M, C: b % (M - 1) + M, lambda b, M, C: b % (M - 1) + M),
        "AB_BC_CA__": Schedule(lambda b, M, C: b % M + M, lambda b, M, C: b % M + M),
        "A_B_C__AB_BC_CA__": Schedule(lambda b, M, C: b % M, lambda b, M, C: b % M + M),
        "AB_BC_CA__A_B_C__": Schedule(lambda b, M, C: b % M + M, lambda b, M, C: b % M),
        "AB_CD__AD__": Schedule(lambda b, M, C: 4 + 2 * (b % 2), lambda b, M, C: np.full_like(b, 7), num_base=4),
        "AB_BC_CD_DA__AC_BD__": Schedule(lambda b, M, C: b % M + M, lambda b, M, C: b % 2 + 2 * M),
    }
)
"""The published schedules. A double underscore ends the training phase and the test phase.

Source: published code, blocked curricula.
"""


def named(
    name: str,
    num_blocks: int,
    num_base: int,
    num_composites: int,
    duration: Real[ArrayLike, "..."] | Sequence[float],
) -> Blocked:
    """A published schedule, which changes from training to test at block `int(0.75 num_blocks)`.

    The published runs count one block more than they ask for (`published_num_blocks`): Fig 3 asks for 30 blocks, has
    31, and changes at block 23. Pass 31 here for that.

    Args:
        name: one of `NAMED`.
        num_blocks: number of blocks, both phases together.
        num_base: number of base tasks, `TaskSet.num_base`.
        num_composites: number of composites after them, `TaskSet.num_composites`.
        duration: one duration for all blocks, or `(b,)`.

    Raises:
        ValueError: if the name is not known, a number is too small, the schedule asks for tasks that are not there, or
            a duration is not positive.

    Source: published code, blocked curricula.
    """
    if name not in NAMED:
        raise ValueError(
            f"named: got the curriculum {name!r}; known are {', '.join(NAMED)}. Choose one, or give the task of each "
            "block to sequence(...)."
        )
    schedule = NAMED[name]
    if num_blocks < 1 or num_base < 2 or num_composites < 0:
        raise ValueError(
            f"named: got num_blocks = {num_blocks}, num_base = {num_base}, num_composites = {num_composites}; allowed "
            "are at least 1, 2 and 0. Raise the one that is too small."
        )
    if schedule.num_base not in (None, num_base):
        raise ValueError(
            f"named: got num_base = {num_base} for {name!r}; its task indices are written for num_base = "
            f"{schedule.num_base}. Use that many base tasks, or sequence(...)."
        )
    block, counts = np.arange(num_blocks), (num_base, num_composites)
    is_training = block < published_switch_block(num_blocks)
    tasks = np.where(is_training, schedule.training(block, *counts), schedule.testing(block, *counts))
    num_tasks = num_base + num_composites
    if tasks.max() >= num_tasks:
        raise ValueError(
            f"named: {name!r} asks for task {tasks.max()}, got {num_base} base tasks and {num_composites} composites, "
            f"which allows indices 0 to {num_tasks - 1}. Add composites (FOUR_TASK_PAIRS has the diagonals)."
        )
    return sequence(tasks, duration, num_tasks)


def until(curriculum: AbstractCurriculum, total_time: Real[ArrayLike, ""]) -> AbstractCurriculum:
    """The same curriculum, ended at `total_time`: later blocks are dropped and the last one is cut.

    An end within rounding of a block edge keeps whole blocks, so that no sliver of a block is left over.

    Args:
        curriculum: with durations that are known, so outside jit and vmap.
        total_time: new end, known as well, above 0 and up to `curriculum.total_time`.

    Raises:
        ValueError: if `total_time` is not positive, if the curriculum is shorter, or if the values are traced.
    """
    durations, end = _known_values(curriculum.durations), _known_values(total_time)
    if durations is None or end is None:
        raise ValueError(
            "until: got traced times; how many blocks remain depends on their values, which jit and vmap do not know. "
            "Cut the curriculum before entering the transformation."
        )
    ends = np.cumsum(durations.astype(np.float64))
    rounding = durations.size * np.finfo(durations.dtype).eps * ends[-1]
    if not 0.0 < end <= ends[-1] + rounding:
        raise ValueError(
            f"until: got total_time = {end} for a curriculum of {ends[-1]:.10g}; allowed is above 0 and at most "
            "that. Ask for more blocks, or stop earlier."
        )
    last = int(np.searchsorted(ends, end - rounding))
    kept = durations[: last + 1].copy()
    if end < ends[last] - rounding:
        kept[-1] = end - (ends[last] - float(durations[last]))
    return curriculum.with_durations(jnp.asarray(kept))


def published_step_count(duration: float | int, dt: float | int) -> int:
    """`duration // dt` in floating point: Euler steps in a block of the published runs.

    Floor division of rounded numbers loses a step more often than not: a unit block has 999 steps of 0.001, so that
    block `k` of those runs starts at `0.999 k`.

    Args:
        duration: nominal length of a block.
        dt: Euler step.

    Raises:
        ValueError: if `duration` or `dt` is not positive.

    Source: published code, block bookkeeping.
    """
    _check_positive("published_step_count", duration=duration, dt=dt)
    return int(duration // dt)


def published_num_blocks(total: float | int, duration: float | int) -> int:
    """`int(total // duration + 1)`: blocks that the published code counts in a run of length `total`.

    It uses this count for the switch block of a schedule, and simulates yet one block more; records end at `total`.

    Args:
        total: length of the run.
        duration: nominal length of a block.

    Raises:
        ValueError: if `total` or `duration` is not positive.

    Source: published code, block bookkeeping.
    """
    _check_positive("published_num_blocks", total=total, duration=duration)
    return int(total // duration + 1)


def published_switch_block(num_blocks: int) -> int:
    """`int(0.75 num_blocks)`: first block of the test phase.

    Source: published code, blocked curricula.
    """
    return int(0.75 * num_blocks)


def _known_values(x: Real[ArrayLike, "..."]) -> np.ndarray | None:
    """The numbers in `x`, or None while they are being traced."""
    return None if isinstance(x, Tracer) else np.asarray(x)


def _as_float(x: Real[ArrayLike, "..."] | Sequence[float]) -> Float[Array, "..."]:
    x = jnp.asarray(x)
    return jnp.asarray(x, x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.zeros(()).dtype)


def _durations(durations: Real[ArrayLike, "..."] | Sequence[float], num_blocks: int) -> Float[Array, " b"]:
    durations = _as_float(durations)
    if num_blocks < 1 or durations.shape not in ((), (num_blocks,)):
        raise ValueError(
            f"curriculum: got durations of shape {durations.shape} for {num_blocks} blocks; allowed are one duration "
            "for all, or one per block, and at least 1 block. Make durations and blocks match."
        )
    return jnp.broadcast_to(durations, (num_blocks,))


def _kept_blocks(maker: str, durations: Float[Array, " b"], num_blocks: int) -> int:
    if durations.ndim != 1 or not 1 <= durations.size <= num_blocks:
        raise ValueError(
            f"{maker}.with_durations: got durations of shape {durations.shape} for {num_blocks} blocks; allowed is a "
            f"vector of 1 to {num_blocks} of them. Drop the surplus, or build a longer curriculum."
        )
    return durations.size


def _check_counts(maker: str, num_tasks: int, num_blocks: int, least_tasks: int) -> None:
    if num_tasks < least_tasks or num_blocks < 1:
        raise ValueError(
            f"{maker}: got num_tasks = {num_tasks}, num_blocks = {num_blocks}; allowed are at least {least_tasks} and "
            "1. Raise the one that is too small."
        )


def _check_positive(maker: str, **numbers: float | int) -> None:
    if not all(0.0 < value < np.inf for value in numbers.values()):
        given = ", ".join(f"{name} = {value}" for name, value in numbers.items())
        raise ValueError(f"{maker}: got {given}; all must be positive and finite. Give times above 0.")
