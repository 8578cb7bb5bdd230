"""Practising earlier tasks again: all of them at once, those that were seen, or a few examples that were kept."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ntadyn.continual.groups import dtype_of
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.continual.strategy import AbstractStrategy
from ntadyn.tasks.examples import Batch
from ntadyn.tasks.known import known_values


class MultiTask(AbstractStrategy):
    """All tasks in equal shares at any time, those to come included: joint training, the upper bound.

    Source: Caruana 1997, Multitask learning, Machine Learning 28.
    """

    sees_all_tasks: ClassVar[bool] = True

    def shares(self, memory: PyTree, task: Shares) -> Shares:
        """1/m for each of m tasks."""
        del memory
        return jnp.full_like(task, 1 / task.size)


class TaskReplay(AbstractStrategy):
    """(1 - rho) a + rho (mean of the tasks seen so far): every example of them is kept.

    In a population flow a task is replayed exactly. Before the end of the first block there is nothing to replay.

    Attributes:
        share: rho, of all practice.

    Raises:
        ValueError: if the share is not between 0 and 1.
    """

    share: float | Float[Array, ""] = 0.5
    needs_boundaries: ClassVar[bool] = True
    needs_task_ids: ClassVar[bool] = True

    def __check_init__(self):
        known = known_values(jnp.asarray(self.share))
        if known is not None and not np.all((known >= 0) & (known <= 1)):
            raise ValueError(f"TaskReplay: share is {self.share}; it must lie between 0 and 1.")

    def gradients_per_sample(self, problem: AbstractProblem) -> float:
        """1 / (1 - rho): that share of practice is fresh."""
        del problem
        fresh = 1 - float(self.share)
        return 1 / fresh if fresh > 0 else float("inf")

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, Float[Array, " m"]]:
        """No task was seen; the memory is 1 for every task that was."""
        return network, jnp.zeros(problem.num_tasks, dtype_of(network))

    def shares(self, memory: Float[Array, " m"], task: Shares) -> Shares:
        """What is practised while a task is in force."""
        number = jnp.sum(memory)
        share = jnp.where(number > 0, jnp.asarray(self.share, memory.dtype), 0)
        return (1 - share) * task + share * memory / jnp.maximum(number, 1)

    def at_end(
        self, problem: AbstractProblem, network: PyTree, memory: Float[Array, " m"], batch: Batch
    ) -> tuple[PyTree, Float[Array, " m"]]:
        """One more task was seen."""
        practised = batch.task_shares(problem.num_tasks) > 0
        return network, jnp.where(practised, jnp.ones_like(memory), memory)


class Reservoir(eqx.Module):
    """A uniform random sample of all examples so far, however many there were.

    Attributes:
        inputs: `(size, ...)`.
        targets: `(size, ...)`.
        tasks: `(size,)`.
        seen: how many examples came by; the first `min(seen, size)` places are filled.
    """

    inputs: Array
    targets: Array
    tasks: Int[Array, " size"]
    seen: Int[Array, ""]

    @property
    def filled(self) -> Int[Array, ""]:
        """How many places are filled."""
        return jnp.minimum(self.seen, self.tasks.size)

    def draw(self, key: PRNGKeyArray, number: int) -> tuple[Array, Array, Int[Array, " b"]]:
        """`number` of the kept examples with replacement: inputs, targets, tasks; zeros while there is none."""
        at = jax.random.randint(key, (number,), 0, jnp.maximum(self.filled, 1))
        return self.inputs[at], self.targets[at], self.tasks[at]

    def after(self, key: PRNGKeyArray, batch: Batch) -> "Reservoir":
        """With the examples of a batch let by one after the other, whatever their weights.

        Example n takes place n while there is room; afterwards it takes the place of a random one with probability
        size/n, so that every example so far is kept with the same probability.

        Source: Vitter 1985, Random sampling with a reservoir, ACM Trans. Math. Software 11, algorithm R.
        """
        size, number = self.tasks.size, batch.weights.size
        order = jnp.arange(number, dtype=self.seen.dtype)
        before = self.seen + order
        place = jnp.where(before < size, before, jax.random.randint(key, (number,), 0, before + 1, self.seen.dtype))
        # Two examples of one batch may take the same place, and the later one stays.
        last = jnp.full(size, -1, order.dtype).at[place].max(order, mode="drop")
        kept = last < 0

        def merged(old: Array, new: Array) -> Array:
            mask = kept.reshape(-1, *[1] * (old.ndim - 1))
            return jnp.where(mask, old, new[jnp.maximum(last, 0)])

        return Reservoir(
            merged(self.inputs, batch.inputs),
            merged(self.targets, batch.targets),
            merged(self.tasks, batch.tasks),
            self.seen + number,
        )


class ExampleReplay(AbstractStrategy):
    """With every fresh batch as many examples out of a small memory, all of equal weight; for `ContinualDescent`.

    The memory is a reservoir, which needs to know nothing of tasks. A batch joins it after it was practised.

    Attributes:
        size: number of examples in the memory.

    Raises:
        ValueError: if there is no room for one example.

    Source: Chaudhry et al. 2019 (arXiv 1902.10486), ER-Reservoir.
    """

    size: int = eqx.field(static=True)

    def __check_init__(self):
        if self.size < 1:
            raise ValueError(
                f"ExampleReplay: size is {self.size}; it must be at least 1. FineTuning() replays nothing."
            )

    def gradients_per_sample(self, problem: AbstractProblem) -> float:
        """One for the fresh example and one for a replayed one."""
        del problem
        return 2.0

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, Reservoir]:
        """An empty memory."""
        dtype = dtype_of(network)

        def some() -> Batch:
            return problem.draw(jax.random.key(0), jnp.full(problem.num_tasks, 1 / problem.num_tasks, dtype), self.size)

        empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(some))
        return network, Reservoir(empty.inputs, empty.targets, empty.tasks, jnp.zeros((), empty.tasks.dtype))

    def draw(self, problem: AbstractProblem, memory: Reservoir, key: PRNGKeyArray, task: Shares, number: int) -> Batch:
        """`number` fresh examples, then `number` of the kept ones, which have no weight while the memory is empty."""
        of_problem, of_memory = jax.random.split(key)
        fresh = problem.draw(of_problem, task, number)
        inputs, targets, tasks = memory.draw(of_memory, number)
        replayed = jnp.where(memory.filled > 0, jnp.asarray(0.5, fresh.weights.dtype), 0)
        weights = jnp.full_like(fresh.weights, 1 / number) * replayed
        kept = Batch(inputs, targets, tasks, weights)
        fresh = eqx.tree_at(lambda batch: batch.weights, fresh, fresh.weights * (1 - replayed))
        return jax.tree.map(lambda one, other: jnp.concatenate([one, other]), fresh, kept)

    def after_step(
        self, problem: AbstractProblem, network: PyTree, memory: Reservoir, batch: Batch, key: PRNGKeyArray
    ) -> tuple[PyTree, Reservoir]:
        """The fresh half of the batch goes by the memory."""
        del problem
        number = batch.weights.size // 2
        return network, memory.after(key, jax.tree.map(lambda leaf: leaf[:number], batch))
