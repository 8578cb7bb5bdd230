"""Strategies that are not told where one task gives way to another, and find out."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ntadyn.continual.groups import dtype_of
from ntadyn.continual.loss_jump import LossJump, RecentLosses
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.continual.strategy import AbstractStrategy, Released
from ntadyn.tasks.examples import Batch


class DetectedMemory(eqx.Module):
    """What `Detected` remembers.

    Attributes:
        inner: the memory of the inner strategy.
        losses: of the detector.
        network: the network before the step that comes next.
        recent: the examples that were practised last since the last jump, of equal weight; the others have none.
        jumped: whether the last step was a jump.
        detections: how many jumps there were.
        steps: how many steps there were.
    """

    inner: PyTree
    losses: RecentLosses
    network: PyTree
    recent: Batch
    jumped: Bool[Array, ""]
    detections: Int[Array, ""]
    steps: Int[Array, ""]


class Detected(AbstractStrategy):
    """A strategy that is not told where tasks change, and takes jumps of its loss for changes; for `ContinualDescent`.

    At every step the detector sees the loss on the new batch, of the network as it was before it practised it. Where
    that jumps, the step is undone: the strategy's `at_end` is told of the network and the examples before it, which
    know nothing of the new task, and its `at_start` of the new batch. A change that is seen later than at once has
    spoiled both by as many steps. Nothing else says that a block ended; that the run begins is no secret.

    The inner strategy is given boundaries, and no task identities.

    Attributes:
        strategy: the inner strategy.
        detector: what finds jumps.
        support: how many of the last examples `at_end` is given; they are fewer if fewer were practised since the
            last jump.

    Raises:
        ValueError: for no examples.

    The undone step leaves its trace in the moments of an update rule, except in those of paths that the jump renewed.
    Under `vmap` the hooks are computed at those steps only at which one of the repetitions jumps.
    """

    strategy: AbstractStrategy
    detector: LossJump = LossJump()
    support: int = eqx.field(static=True, default=256)

    def __check_init__(self):
        if self.support < 1:
            raise ValueError(f"Detected: support is {self.support}; it must be 1 or more.")

    @property
    def needs_task_ids(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the inner strategy does."""
        return self.strategy.needs_task_ids

    @property
    def sees_all_tasks(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the inner strategy does."""
        return self.strategy.sees_all_tasks

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, DetectedMemory]:
        """No step so far."""
        dtype = dtype_of(network)
        network, inner = self.strategy.begin(problem, network)

        def some() -> Batch:
            shares = jnp.full(problem.num_tasks, 1 / problem.num_tasks, dtype)
            return problem.draw(jax.random.key(0), shares, self.support)

        empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(some))
        none, no = jnp.asarray(0), jnp.asarray(False)
        return network, DetectedMemory(inner, self.detector.begin(dtype), network, empty, no, none, none)

    def shares(self, memory: DetectedMemory, task: Shares) -> Shares:
        """Those of the inner strategy."""
        return self.strategy.shares(memory.inner, task)

    def draw(
        self, problem: AbstractProblem, memory: DetectedMemory, key: PRNGKeyArray, task: Shares, number: int
    ) -> Batch:
        """The batch of the inner strategy."""
        return self.strategy.draw(problem, memory.inner, key, task, number)

    def added(
        self, problem: AbstractProblem, network: PyTree, memory: DetectedMemory, batch: Batch
    ) -> Float[Array, ""]:
        """What the inner strategy adds."""
        return self.strategy.added(problem, network, memory.inner, batch)

    def objective(
        self, problem: AbstractProblem, network: PyTree, memory: DetectedMemory, batch: Batch
    ) -> Float[Array, ""]:
        """That of the inner strategy."""
        return self.strategy.objective(problem, network, memory.inner, batch)

    def released(self, memory: DetectedMemory) -> Released | None:
        """What the inner strategy releases."""
        return self.strategy.released(memory.inner)

    def after_step(
        self, problem: AbstractProblem, network: PyTree, memory: DetectedMemory, batch: Batch, key: PRNGKeyArray
    ) -> tuple[PyTree, DetectedMemory]:
        """Look for a jump; hooks of the inner strategy if there is one, its own `after_step` if not."""
        losses, jumped = self.detector.look(memory.losses, problem.loss(memory.network, batch))

        def changed(memory: DetectedMemory) -> tuple[PyTree, PyTree]:
            ended = self.strategy.at_end(problem, memory.network, memory.inner, memory.recent)
            return self.strategy.at_start(problem, *ended, batch)

        def went_on() -> tuple[PyTree, PyTree]:
            return self.strategy.after_step(problem, network, memory.inner, batch, key)

        network, inner = _where(jumped, changed, memory, went_on())
        recent = _joined(memory.recent, batch, jumped)
        detections = memory.detections + jumped.astype(memory.detections.dtype)
        return network, DetectedMemory(inner, losses, network, recent, jumped, detections, memory.steps + 1)

    def at_start(
        self, problem: AbstractProblem, network: PyTree, memory: DetectedMemory, batch: Batch
    ) -> tuple[PyTree, DetectedMemory]:
        """The inner strategy is told of the start of the run, and of no other."""

        def told() -> tuple[PyTree, PyTree]:
            return self.strategy.at_start(problem, network, memory.inner, batch)

        network, inner = lax.cond(memory.steps == 0, told, lambda: (network, memory.inner))
        parts: Any = (memory.losses, network, memory.recent, memory.jumped, memory.detections, memory.steps)
        return network, DetectedMemory(inner, *parts)

    def adapts_in_its_own_way(self) -> bool:
        """Whether the inner strategy does."""
        return self.strategy.adapts_in_its_own_way()

    def readapted(
        self, problem: AbstractProblem, network: PyTree, memory: DetectedMemory, batch: Batch
    ) -> PyTree | None:
        """As the inner strategy does."""
        return self.strategy.readapted(problem, network, memory.inner, batch)

    def renewed(self, memory: DetectedMemory) -> Bool[Array, " p"] | None:
        """What the inner strategy renewed at a jump that was the last step; it is told of no other switch."""
        renewed = self.strategy.renewed(memory.inner)
        return None if renewed is None else renewed & memory.jumped

    def gradients_per_sample(self, problem: AbstractProblem) -> float:
        """Those of the inner strategy."""
        return self.strategy.gradients_per_sample(problem)

    def complaints(self, memory: DetectedMemory) -> tuple[str, ...]:
        """Those of the inner strategy."""
        return self.strategy.complaints(memory.inner)

    def is_full(self, memory: DetectedMemory) -> Array:
        """Whether the inner strategy's room is."""
        return self.strategy.is_full(memory.inner)


def _where(happened: Bool[Array, ""], then: Callable[[Any], PyTree], given: Any, otherwise: PyTree) -> PyTree:
    """`then(given)` where it happened; under `vmap`, unlike `lax.cond`, computed only if it happened somewhere."""

    def once(pending: tuple[Array, PyTree]) -> tuple[Array, PyTree]:
        # Tied to what changes in the loop: XLA would compute what does not before it, whether it happened or not.
        waiting, tied = lax.optimization_barrier((pending[0], given))
        return jnp.zeros_like(waiting), then(tied)

    return lax.while_loop(lambda pending: pending[0], once, (happened, otherwise))[1]


def _joined(recent: Batch, batch: Batch, jumped: Bool[Array, ""]) -> Batch:
    """The last examples of both, without those before a jump, of equal weight."""
    size, dtype = recent.weights.size, recent.weights.dtype
    forgotten = jnp.where(jumped, jnp.zeros_like(recent.weights), recent.weights)
    old = eqx.tree_at(lambda batch: batch.weights, recent, forgotten)
    both = jax.tree.map(lambda one, other: jnp.concatenate([one, other])[-size:], old, batch)
    present = (both.weights > 0).astype(dtype)
    return eqx.tree_at(lambda batch: batch.weights, both, present / jnp.maximum(jnp.sum(present), 1))
