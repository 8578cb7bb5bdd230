"""What a curriculum is: blocks in time, and the task in force in each.

A curriculum is a list of blocks with durations and says, for each block and time, which task is in force: as a rule the
mixture weights `a (m,)` of the teachers, whose target map is `sum_m a_m W*^m`. Its `edges` tell a solver where that may
jump.

Axes: `b` block, `m` task. Times are in the units of the caller. Durations are added up in double precision, whatever
their dtype, and sums are rounded to it once; blocks that it could not tell apart are refused.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PyTree, Real

from ntadyn.tasks.dependence import depends_on_first
from ntadyn.tasks.known import known_values
from ntadyn.tasks.times import joined, running_sums, spacing


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

    def padded(self, num_blocks: int) -> "AbstractCurriculum":
        """The same curriculum followed by blocks that are never reached, so that several have one shape.

        Raises:
            ValueError: for a curriculum that cannot be padded.
        """
        if num_blocks == self.num_blocks:
            return self
        raise ValueError(
            f"curricula of {self.num_blocks} and of {num_blocks} blocks cannot run side by side: a "
            f"{type(self).__name__} cannot be padded. Give all as many blocks, use Blocked or Listed, or implement "
            f"`padded`."
        )

    @property
    def num_blocks(self) -> int:
        """Number of blocks."""
        return self.durations.shape[0]

    def varies_within_blocks(self) -> bool:
        """Whether the task in force changes with the time within any block, as far as its program tells."""

        def task(t: Array, block: Array) -> list[Array]:
            return jax.tree.leaves(self.task(block, t))

        time, block = (jax.ShapeDtypeStruct((), dtype) for dtype in (self.durations.dtype, jnp.int32))
        return any(depends_on_first(task, time, block))

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

    def padded(self, num_blocks: int) -> "Blocked":
        """Followed by further blocks like the last one."""
        tasks, durations = _padded((self.tasks, self.durations), num_blocks)
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

    def padded(self, num_blocks: int) -> "Listed":
        """Followed by further blocks like the last one."""
        tasks, durations = _padded((self.tasks, self.durations), num_blocks)
        return Listed(tasks=tasks, durations=durations, num_tasks=self.num_tasks)


def _padded(tree: PyTree, length: int) -> PyTree:
    """Known arrays whose last entry is repeated up to a length; in NumPy, which compiles nothing for a new length."""

    def one(leaf: Array | np.ndarray) -> np.ndarray:
        values = np.asarray(leaf)
        return np.concatenate([values, np.repeat(values[-1:], length - values.shape[0], axis=0)])

    return jax.device_put(jax.tree.map(one, tree))


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
