"""What a learner does about forgetting: the part in which the rival methods differ."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ntadyn.continual.per_path import per_path
from ntadyn.continual.problem import AbstractProblem, Shares, TeacherProblem
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.tasks.examples import Batch


class WeightAnchor(eqx.Module):
    """1/2 <W, Lambda W Sigma> - <b, W Sigma>: an energy that holds the weights of paths where they are needed.

    Attributes:
        precision: Lambda, shape (rows, paths, paths) with one row, or one per output where gates are per neuron.
        drive: b, shape (paths, d_out, d_in).
    """

    precision: Float[Array, "r p p"]
    drive: Float[Array, "p o i"]


class OutputAnchor(eqx.Module):
    """mu/2 <Y - Y', (Y - Y') Sigma>: an energy that holds what the whole network says.

    Attributes:
        strength: mu.
        map: Y', shape (d_out, d_in).
    """

    strength: Float[Array, ""]
    map: Float[Array, "o i"]


class Released(eqx.Module):
    """Which paths may change: 1 for those that learn, 0 for those that are frozen.

    Attributes:
        gates: of all gates together, or of the gates of every path, shape () or (paths,).
        weights: of weight matrices, shape (paths,).
    """

    gates: Float[Array, "*p"]
    weights: Float[Array, " p"]

    def of_gates(self, gates: Float[Array, "p ..."]) -> Float[Array, "..."]:
        """What is released of an array of gates, shaped so that it multiplies them."""
        return self.gates if self.gates.ndim == 0 else per_path(self.gates, gates)


class AbstractStrategy(eqx.Module):
    """What is practised, what is added to its loss, what is remembered, and what happens at switches.

    All methods have a default, which is that of plain learning. A strategy is a value: what changes is its memory, a
    pytree of arrays that the learner carries along. Methods take (problem, network, memory, ...) in this order.

    Attributes:
        needs_boundaries: whether it has to be told when a task gives way to another.
        needs_task_ids: whether it has to be told which task an example belongs to.
        sees_all_tasks: whether it practises tasks that are not in force, which no learner on a stream can.
    """

    needs_boundaries: ClassVar[bool] = False
    needs_task_ids: ClassVar[bool] = False
    sees_all_tasks: ClassVar[bool] = False

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[PyTree, PyTree]:
        """The network with which the run starts, and the memory."""
        del problem
        # Not (), of which loops in Diffrax cannot tell that it holds no array.
        return network, None

    def shares(self, memory: PyTree, task: Shares) -> Shares:
        """What is practised while a task is in force."""
        del memory
        return task

    def draw(self, problem: AbstractProblem, memory: PyTree, key: PRNGKeyArray, task: Shares, number: int) -> Batch:
        """The batch of the next step."""
        return problem.draw(key, self.shares(memory, task), number)

    def added(self, problem: AbstractProblem, network: PyTree, memory: PyTree, batch: Batch) -> Float[Array, ""]:
        """What is added to the loss on a batch."""
        del problem, network, memory
        return jnp.zeros((), batch.weights.dtype)

    def objective(self, problem: AbstractProblem, network: PyTree, memory: PyTree, batch: Batch) -> Float[Array, ""]:
        """What is descended."""
        return problem.loss(network, batch) + self.added(problem, network, memory, batch)

    def released(self, memory: PyTree) -> Released | None:
        """Which paths of a gated network may change; None if all may."""
        del memory
        return None

    def renewed(self, memory: PyTree) -> Bool[Array, " p"] | None:
        """Which paths the last of the hooks gave other weights: an update rule forgets its moments of them.

        Hooks are `at_start` and `at_end`, and `after_step` where a strategy has one. None if none ever does.
        """
        del memory
        return None

    def after_step(
        self, problem: AbstractProblem, network: PyTree, memory: PyTree, batch: Batch, key: PRNGKeyArray
    ) -> tuple[PyTree, PyTree]:
        """Network and memory after a step on a batch; rules in discrete time only."""
        del problem, batch, key
        return network, memory

    def at_start(self, problem: AbstractProblem, network: PyTree, memory: PyTree, batch: Batch) -> tuple[Any, Any]:
        """Network and memory at the start of a block, given examples of its task."""
        del problem, batch
        return network, memory

    def at_end(self, problem: AbstractProblem, network: PyTree, memory: PyTree, batch: Batch) -> tuple[Any, Any]:
        """Network and memory at the end of a block, given examples of its task."""
        del problem, batch
        return network, memory

    def adapts_in_its_own_way(self) -> bool:
        """Whether `readapted` gives a network."""
        return type(self).readapted is not AbstractStrategy.readapted

    def readapted(self, problem: AbstractProblem, network: PyTree, memory: PyTree, batch: Batch) -> PyTree | None:
        """The network after it has adapted to a task in a way of its own; None if it has none but its gates' flow.

        What is slow must not change: this is how fast a task is found again, not how fast it is learned.

        Args:
            problem: what is asked.
            network: the network.
            memory: what is remembered.
            batch: examples of the task.
        """
        del problem, network, memory, batch

    def acts_after_steps(self) -> bool:
        """Whether it acts after every step, and not at switches alone."""
        return type(self).after_step is not AbstractStrategy.after_step

    def acts_on_batches(self) -> bool:
        """Whether it draws batches of its own or acts after every step, which only `ContinualDescent` has."""
        return type(self).draw is not AbstractStrategy.draw or self.acts_after_steps()

    def check_closed_form(self, problem: TeacherProblem) -> None:
        """Refuse to run in `GatedContinualFlow`, where `added` must be a quadratic form.

        Args:
            problem: what is asked there.

        Raises:
            ValueError: if it is none.
        """
        del problem
        kind, base = type(self), AbstractStrategy
        if self.acts_on_batches():
            raise ValueError(
                f"{kind.__name__} draws batches or acts after every step, which a flow does not have; use "
                f"ContinualDescent."
            )
        closed = any(getattr(kind, name) is not getattr(base, name) for name in ("weight_anchor", "output_anchor"))
        changed = kind.added is not base.added and not closed
        if kind.objective is not base.objective or changed:
            raise ValueError(
                f"{kind.__name__} has no closed form on gated linear networks (weight_anchor or output_anchor); use "
                f"ContinualFlow, which any Diffrax solver integrates."
            )

    def weight_anchor(self, network: AbstractGatedNetwork, memory: PyTree) -> WeightAnchor | None:
        """What `added` is for a gated linear network, where it is a quadratic form of the weights alone."""
        del network, memory
        return None

    def output_anchor(self, memory: PyTree) -> OutputAnchor | None:
        """What `added` is for a gated linear network, where it is a quadratic form of the total map."""
        del memory
        return None

    def gradients_per_sample(self, problem: AbstractProblem) -> float:
        """How many gradients of the network are computed for every fresh example."""
        del problem
        return 1.0

    def complaints(self, memory: PyTree) -> tuple[str, ...]:
        """What the reader of a result should be told, outside jit; one memory, or a batch of them."""
        del memory
        return ()

    def is_full(self, memory: PyTree) -> Array:
        """Whether it needed more room than it was given."""
        del memory
        return jnp.asarray(False)


class FineTuning(AbstractStrategy):
    """Nothing at all: every task is learned as it comes."""
