"""Examples in an order that is given beforehand, each task going on where it was left."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, PRNGKeyArray, PyTree

from ntadyn.continual.problem import AbstractProblem, DataProblem, Shares
from ntadyn.continual.strategy import AbstractStrategy
from ntadyn.tasks.examples import Batch
from ntadyn.tasks.known import known_values

Order = Int[Array, "m s b"]


class GivenOrder(AbstractStrategy):
    """Step s of task m is on the examples order[m, s], whatever was practised in between; no step is on a mixture.

    The memory is the number of batches that every task has shown, shape (tasks,). A run that needs more of them than
    there are has the result of one that ran out of room.

    Attributes:
        order: rows of the practised examples of every task, batch by batch; see `shuffled_epochs`.

    Raises:
        ValueError: for rows that are negative.
    """

    order: Order = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        rows = known_values(self.order)
        if rows is not None and rows.size and rows.min() < 0:
            raise ValueError(f"GivenOrder: the order names row {rows.min()}; rows are counted from 0.")

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, Int[Array, " m"]]:
        """No batch was shown.

        Raises:
            ValueError: if the problem is not made of examples, the order is of another number of tasks, or it names
                rows that a task does not have.
        """
        if not isinstance(problem, DataProblem):
            raise ValueError(
                f"GivenOrder: {type(problem).__name__} has no rows to show in an order; give a DataProblem, whose "
                "examples are given."
            )
        if self.order.shape[0] != problem.num_tasks:
            raise ValueError(
                f"GivenOrder: the order is of {self.order.shape[0]} tasks, the problem has {problem.num_tasks}."
            )
        rows, counts = known_values(self.order), known_values(problem.practised.counts)
        if rows is not None and counts is not None and np.any(rows.max(axis=(1, 2)) >= counts):
            raise ValueError(
                f"GivenOrder: tasks have {counts.tolist()} examples, and the order names rows up to "
                f"{rows.max(axis=(1, 2)).tolist()}, counted from 0."
            )
        return network, jnp.zeros(problem.num_tasks, self.order.dtype)

    def draw(
        self, problem: DataProblem, memory: Int[Array, " m"], key: PRNGKeyArray, task: Shares, number: int
    ) -> Batch:
        """The next batch of the task with the largest share.

        Raises:
            ValueError: if batches of another size are asked for.
        """
        del key
        if number != self.order.shape[2]:
            raise ValueError(
                f"GivenOrder: batches of {number} were asked for; those of the order have {self.order.shape[2]}."
            )
        shown = jnp.argmax(task)
        rows, practised = self.order[shown, memory[shown]], problem.practised
        weights = jnp.full(number, 1 / number, practised.inputs.dtype)
        return Batch(practised.inputs[shown, rows], practised.targets[shown, rows], jnp.full(number, shown), weights)

    def after_step(
        self, problem: DataProblem, network: PyTree, memory: Int[Array, " m"], batch: Batch, key: PRNGKeyArray
    ) -> tuple[PyTree, Int[Array, " m"]]:
        """One more batch of that task was shown."""
        del problem, key
        return network, memory + (jnp.arange(memory.size) == batch.tasks[0]).astype(memory.dtype)

    def is_full(self, memory: Int[Array, " m"]) -> Bool[Array, ""]:
        """Whether a task has shown more batches than there are."""
        return jnp.any(memory > self.order.shape[1])


def shuffled_epochs(key: PRNGKeyArray, counts: tuple[int, ...], batch: int, steps: int) -> Order:
    """Every example of a task once, in a random order, then all again in another one; batches do not span two epochs.

    What is left of an epoch when no whole batch is, is dropped.

    Args:
        key: task m shuffles its epoch e by fold_in(fold_in(key, m), e).
        counts: how many examples each task has.
        batch: examples per batch.
        steps: batches per task.

    Returns:
        Rows, shape (tasks, steps, batch), int32.

    Raises:
        ValueError: if there is no task or no step, or a task has no whole batch.
    """
    if steps < 1 or batch < 1 or min(counts, default=0) < batch:
        raise ValueError(
            f"shuffled_epochs: got {steps} steps on batches of {batch} examples of {list(counts)}; at least one step "
            "and one task are needed, and a whole batch of examples in every task. Take smaller batches."
        )

    return _shuffled(key, tuple(counts), batch, steps)


@functools.partial(jax.jit, static_argnames=("counts", "batch", "steps"))
def _shuffled(key: PRNGKeyArray, counts: tuple[int, ...], batch: int, steps: int) -> Order:
    def of_task(task: int) -> Array:
        count, of_this = counts[task], jax.random.fold_in(key, task)
        whole = count // batch

        def of_epoch(epoch: Array) -> Array:
            rows = jax.random.permutation(jax.random.fold_in(of_this, epoch), jnp.arange(count, dtype=jnp.int32))
            return rows[: whole * batch].reshape(whole, batch)

        epochs = jnp.arange(-(-steps // whole), dtype=jnp.int32)
        return jax.vmap(of_epoch)(epochs).reshape(-1, batch)[:steps]

    return jnp.stack([of_task(task) for task in range(len(counts))])
