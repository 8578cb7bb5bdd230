"""Curricula of a batch of trajectories: the same blocks in time, with tasks of their own."""

from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, Int, PyTree, Real

from ntadyn.tasks.curriculum import AbstractCurriculum


class SideBySide(AbstractCurriculum):
    """One curriculum per trajectory, all with the same durations, so that all share one time grid.

    Attributes:
        own: a curriculum without durations, whose arrays have an axis over trajectories.
        durations: `(b,)`, length of each block, common to all.
        axis: where that axis is: 0, or -1 as on lanes. `task` returns arrays with the same axis.
    """

    own: AbstractCurriculum
    durations: Float[Array, " b"]
    axis: int = eqx.field(static=True, default=0)

    @classmethod
    def of_all(cls, own: AbstractCurriculum, durations: Float[Array, " b"], axis: int = 0) -> "SideBySide":
        """Curricula without durations, and what these have in common."""
        # The type checker takes the abstract fields of the interface for arguments.
        return cls(own=own, durations=durations, axis=axis)  # pyright: ignore[reportCallIssue]

    @property
    def num_tasks(self) -> int:
        """Number of tasks that there are."""
        return self.own.num_tasks

    def task(self, block: Int[ArrayLike, ""], t: Real[ArrayLike, ""]) -> PyTree:
        """The tasks of all trajectories."""
        return self._each(lambda curriculum: curriculum.task(block, t))

    def with_durations(self, durations: Float[Array, " b"]) -> "SideBySide":
        """The first `len(durations)` blocks, with these durations `(b,)` instead; the tasks stay."""
        own = self._each(lambda curriculum: without_durations(curriculum.with_durations(durations)))
        return SideBySide.of_all(own, durations, self.axis)

    def of(self, trajectory: int) -> AbstractCurriculum:
        """The curriculum of one trajectory."""
        own = jax.tree.map(lambda leaf: leaf.take(trajectory, axis=self.axis), self.own)
        return with_given_durations(own, self.durations)

    def _each(self, function: Callable[[AbstractCurriculum], PyTree]) -> PyTree:
        def one(own: AbstractCurriculum) -> PyTree:
            return function(with_given_durations(own, self.durations))

        return jax.vmap(one, in_axes=self.axis, out_axes=self.axis)(self.own)


def without_durations(curriculum: AbstractCurriculum) -> AbstractCurriculum:
    """What trajectories may differ in: a curriculum with None in the place of its durations."""
    return eqx.tree_at(lambda found: found.durations, curriculum, None)


def with_given_durations(own: AbstractCurriculum, durations: Float[Array, " b"]) -> AbstractCurriculum:
    """The curriculum of which `own` is the part without durations."""
    return eqx.tree_at(lambda found: found.durations, own, durations, is_leaf=lambda leaf: leaf is None)
