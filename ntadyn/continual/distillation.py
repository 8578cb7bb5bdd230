"""Distillation: to answer as another network does, or as one did before.

The divergence is that of the criterion: 1/2 |y - y'|^2, or T^2 KL(softmax(y'/T) || softmax(y/T)). With growing T the
gradient of the latter tends to that of 1/(2k) |z|^2, z the centred difference of the k outputs.

Source: Hinton, Vinyals, Dean 2015 (arXiv 1503.02531).
"""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.continual.criteria import AbstractCriterion
from ntadyn.continual.groups import dtype_of
from ntadyn.continual.problem import AbstractProblem, DataProblem
from ntadyn.continual.strategy import AbstractStrategy, OutputAnchor
from ntadyn.regularizers.coefficients import check_nonnegative, known_reals
from ntadyn.tasks.examples import Batch, Examples


class SnapshotMemory(eqx.Module):
    """A network as it was at the end of the last block.

    Attributes:
        network: its arrays.
        met: `(m,)`, one for tasks that were practised by then, else zero.
    """

    network: PyTree
    met: Float[Array, " m"]


class LearningWithoutForgetting(AbstractStrategy):
    """mu times the divergence from what the network answered, at the end of the last block, to the inputs of today.

    Where every task has a head of its own, it is the mean over the heads of the tasks that were met, asked about the
    present inputs. Before the end of the first block it does nothing.

    For a network that is linear in its parameters and squared errors this *is* EWC with the full Fisher information of
    the present inputs, held at the latest weights: no knowledge about old inputs enters, and where new inputs lie in
    other directions than old ones nothing is protected.

    Attributes:
        strength: mu.

    Raises:
        ValueError: for a negative strength.

    Source: Li, Hoiem 2016 (arXiv 1606.09282), equations 1 to 3, whose T is 2; that of `CrossEntropy` is 4.
    """

    strength: float | Float[Array, ""] = 1.0
    needs_boundaries: ClassVar[bool] = True

    def __check_init__(self):
        check_nonnegative("LearningWithoutForgetting: strength", self.strength)

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, SnapshotMemory]:
        """The network itself, and no task met."""
        return network, SnapshotMemory(_arrays(network), jnp.zeros(problem.num_tasks, dtype_of(network)))

    def added(
        self, problem: AbstractProblem, network: PyTree, memory: SnapshotMemory, batch: Batch
    ) -> Float[Array, ""]:
        """Mu times the mean divergence over heads of tasks that were met."""
        before = _restored(memory, network)

        def asked_as(task: Array) -> Float[Array, ""]:
            same = eqx.tree_at(lambda batch: batch.tasks, batch, jnp.full_like(batch.tasks, task))
            return problem.divergence(network, before, same)

        # Only what depends on the head is computed for each task.
        every = jax.vmap(asked_as)(jnp.arange(problem.num_tasks))
        return jnp.asarray(self.strength, every.dtype) * jnp.sum(_share(memory) * every)

    def at_end(
        self, problem: AbstractProblem, network: PyTree, memory: SnapshotMemory, batch: Batch
    ) -> tuple[PyTree, SnapshotMemory]:
        """A new snapshot."""
        del problem
        now = (batch.weights > 0).astype(memory.met.dtype)
        return network, SnapshotMemory(_arrays(network), memory.met.at[batch.tasks].max(now))

    def output_anchor(self, memory: SnapshotMemory) -> OutputAnchor:
        """The total map of the snapshot, once there is one."""
        strength = jnp.asarray(self.strength, memory.met.dtype) * jnp.max(memory.met)
        return OutputAnchor(strength, memory.network.total_map())


class Distillation(AbstractStrategy):
    """(1 - lambda) loss + lambda divergence from a teacher network: the teacher is asked, never opened.

    Any learner follows it: `ContinualFlow` on whole populations, `ContinualDescent` on batches. The student may be of
    another kind and size. Inputs are those of the problem; for made-up ones, see `questions`.

    Attributes:
        teacher: any callable network; it does not change.
        share: lambda; with 1, targets are not looked at.

    Raises:
        ValueError: for a share outside 0 to 1.
    """

    teacher: PyTree
    share: float | Float[Array, ""] = 0.5

    def __check_init__(self):
        share = known_reals("Distillation: share", self.share)
        if share is not None and not np.all((share >= 0) & (share <= 1)):
            raise ValueError(f"Distillation: share is {self.share}; it must lie between 0 (targets) and 1 (teacher).")

    def objective(self, problem: AbstractProblem, network: PyTree, memory: PyTree, batch: Batch) -> Float[Array, ""]:
        """The mixture of loss and divergence."""
        del memory
        loss, divergence = problem.loss(network, batch), problem.divergence(network, self.teacher, batch)
        share = jnp.asarray(self.share, loss.dtype)
        return (1 - share) * loss + share * divergence


def questions(
    key: PRNGKeyArray, teacher: Callable[[Array], Array], number: int, d_in: int, criterion: AbstractCriterion
) -> DataProblem:
    """One task of inputs from N(0, I), and the teacher's answers to them.

    Args:
        key: draws the inputs.
        teacher: one input in, its outputs out.
        number: of inputs, at least one; more than the student has parameters per output, if it is to answer alike.
        d_in: size of an input.
        criterion: for `CrossEntropy`, targets are the most likely classes, otherwise the outputs themselves.

    Returns:
        A problem to practise with `Distillation`, or, for squared errors, with nothing but its targets.
    """
    inputs = jax.random.normal(key, (number, d_in))
    outputs = jax.vmap(teacher)(inputs)
    targets = jnp.argmax(outputs, axis=-1) if criterion.judges_classes else outputs
    examples = Examples(inputs[None], targets[None], jnp.full(1, number))
    # The type checker takes the abstract fields of the interface for arguments.
    return DataProblem(practised=examples, held_out=examples, criterion=criterion)  # pyright: ignore[reportCallIssue]


def _arrays(network: PyTree) -> PyTree:
    return eqx.filter(network, eqx.is_array)


def _restored(memory: SnapshotMemory, network: PyTree) -> PyTree:
    """The snapshot, with whatever else a network is made of."""
    return eqx.combine(memory.network, network)


def _share(memory: SnapshotMemory) -> Float[Array, " m"]:
    return memory.met / jnp.maximum(jnp.sum(memory.met), 1)
