"""Gates that jump: one stored gate vector per context, found again by how gates begin to adapt."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.continual.adaptation import AbstractAdaptation, GateFlow, with_gates
from ntadyn.continual.problem import AbstractProblem
from ntadyn.continual.strategy import AbstractStrategy
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.regularizers.coefficients import known_reals
from ntadyn.tasks.examples import Batch


class PrototypeMemory(eqx.Module):
    """The gate vectors that are stored.

    Attributes:
        prototypes: one gate vector per place, shape (capacity, ...); zeros where a place is free.
        stored: which places are taken, shape (capacity,).
        turned_away: whether a context was met for which there was no place.
    """

    prototypes: Float[Array, "n ..."]
    stored: Bool[Array, " n"]
    turned_away: Bool[Array, ""]

    def nearest(self, gates: Array) -> tuple[Int[Array, ""], Float[Array, ""]]:
        """The place of the prototype with the largest cosine, and that cosine; minus infinity if none is stored."""
        cosines = jnp.where(self.stored, _cosines(self.prototypes, gates), -jnp.inf)
        best = jnp.argmax(cosines)
        return best, cosines[best]

    def with_stored(self, gates: Array, place: Int[Array, ""]) -> "PrototypeMemory":
        """The memory with a gate vector at a place; as it was if the place is beyond the last."""
        return PrototypeMemory(
            self.prototypes.at[place].set(gates, mode="drop"),
            self.stored.at[place].set(True, mode="drop"),
            self.turned_away | (place >= self.stored.size),
        )


class AbstractPrototypeGates(AbstractStrategy):
    """Gates jump at the start of a block to the nearest of the gate vectors that earlier blocks ended with.

    At the start of a block the gates adapt for a short time, with the weights frozen, and are compared with what is
    stored. If the largest cosine reaches the threshold they jump to that prototype; otherwise nothing has happened. The
    trial costs no time of the stream. At the end of a block its gates are stored.

    Attributes:
        adaptation: the trial.
        threshold: the smallest cosine at which a gate vector counts as that of a known context.

    Source: nearest prototypes after Snell, Swersky, Zemel 2017 (arXiv 1703.05175), with gate vectors as embeddings of
    contexts, and with cosines.
    """

    adaptation: eqx.AbstractVar[AbstractAdaptation]
    threshold: eqx.AbstractVar[float | Float[Array, ""]]
    needs_boundaries: ClassVar[bool] = True

    def __check_init__(self):
        known = known_reals("threshold of prototypes", self.threshold)
        if known is not None and not np.all(np.abs(known) <= 1):
            raise ValueError(
                f"{type(self).__name__}: the threshold is {self.threshold}; a cosine lies between -1 and 1."
            )

    @abc.abstractmethod
    def room(self, problem: AbstractProblem) -> int:
        """How many gate vectors can be stored."""

    @abc.abstractmethod
    def place(self, memory: PrototypeMemory, gates: Array, batch: Batch) -> Int[Array, ""]:
        """Where the gates at the end of a block are stored; the capacity or more if there is no place."""

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[AbstractGatedNetwork, PrototypeMemory]:
        """Nothing is stored.

        Raises:
            ValueError: for a network without gates.
        """
        if not isinstance(network, AbstractGatedNetwork):
            raise ValueError(
                f"a {type(network).__name__} has no gates to store; use a gated network, or no prototypes."
            )
        room, gates = self.room(problem), network.gates
        empty = jnp.zeros((room, *gates.shape), gates.dtype)
        return network, PrototypeMemory(empty, jnp.zeros(room, bool), jnp.asarray(False))

    def at_start(
        self, problem: AbstractProblem, network: AbstractGatedNetwork, memory: PrototypeMemory, batch: Batch
    ) -> tuple[AbstractGatedNetwork, PrototypeMemory]:
        """The jump."""
        trial = self.adaptation.adapted(problem, network, batch)
        place, cosine = memory.nearest(trial.gates)
        gates = jnp.where(cosine >= self.threshold, memory.prototypes[place], network.gates)
        return with_gates(network, gates), memory

    def at_end(
        self, problem: AbstractProblem, network: AbstractGatedNetwork, memory: PrototypeMemory, batch: Batch
    ) -> tuple[AbstractGatedNetwork, PrototypeMemory]:
        """The gates are stored."""
        del problem
        return network, memory.with_stored(network.gates, self.place(memory, network.gates, batch))

    def is_full(self, memory: PrototypeMemory) -> Array:
        """Whether a context was met for which there was no place."""
        return memory.turned_away

    def complaints(self, memory: PrototypeMemory) -> tuple[str, ...]:
        """Says so if a context found no place."""
        if not bool(jnp.any(memory.turned_away)):
            return ()
        room = memory.stored.shape[-1]
        return (f"more than {room} contexts were met, and no gates stored for those beyond; raise the capacity.",)


class PrototypeGates(AbstractPrototypeGates):
    """Contexts are found by novelty: gates below the threshold open a new place. See `AbstractPrototypeGates`.

    Attributes:
        adaptation: the trial; its time should be long enough to tell tasks apart, see `identification_accuracy`.
        threshold: the cosine below which gates belong to a context that is not known yet.
        capacity: the largest number of contexts.

    Raises:
        ValueError: for a threshold that is no cosine, or a capacity below 1.
    """

    adaptation: AbstractAdaptation = GateFlow(1.0)
    threshold: float | Float[Array, ""] = 0.9
    capacity: int = eqx.field(static=True, default=8)

    def __check_init__(self):
        if self.capacity < 1:
            raise ValueError(f"PrototypeGates: the capacity is {self.capacity}; it must be at least 1.")

    def room(self, problem: AbstractProblem) -> int:
        """The capacity."""
        del problem
        return self.capacity

    def place(self, memory: PrototypeMemory, gates: Array, batch: Batch) -> Int[Array, ""]:
        """That of the nearest prototype if it is near enough, else the first that is free."""
        del batch
        nearest, cosine = memory.nearest(gates)
        return jnp.where(cosine >= self.threshold, nearest, jnp.sum(memory.stored))


class LabelledPrototypeGates(AbstractPrototypeGates):
    """One place for every task, whose name is told at the end of a block; never at its start.

    See `AbstractPrototypeGates`. Places are those of the problem's tasks.
    """

    adaptation: AbstractAdaptation = GateFlow(1.0)
    threshold: float | Float[Array, ""] = 0.9
    needs_task_ids: ClassVar[bool] = True

    def room(self, problem: AbstractProblem) -> int:
        """The number of tasks."""
        return problem.num_tasks

    def place(self, memory: PrototypeMemory, gates: Array, batch: Batch) -> Int[Array, ""]:
        """The task with the largest share."""
        del gates
        return jnp.argmax(batch.task_shares(memory.stored.size))


def identification_accuracy(
    problem: AbstractProblem,
    network: AbstractGatedNetwork,
    prototypes: Float[Array, "m ..."],
    adaptation: AbstractAdaptation,
) -> Float[Array, ""]:
    """How often the nearest prototype is the right one, over all switches from one task to another.

    For a curve over adaptation time: `jax.vmap(lambda t: identification_accuracy(..., GateFlow(t)))(times)`. With paths
    W^p = W*^p that are orthogonal and equally long, gates start at one corner and head for another, so that all
    switches are identified after the time (tau_c / |W*|^2) ln 2, and none before.

    Args:
        problem: what is asked.
        network: the weights with which gates adapt.
        prototypes: the gates that belong to every task, shape (tasks, ...); each in turn is where gates start.
        adaptation: how they adapt.

    Returns:
        A share between 0 and 1.

    Raises:
        ValueError: if there is not one prototype for every task, or only one task.
    """
    number = problem.num_tasks
    if prototypes.shape != (number, *network.gates.shape) or number < 2:
        raise ValueError(
            f"identification_accuracy: got prototypes of shape {prototypes.shape} for {number} tasks and gates of "
            f"shape {network.gates.shape}; there must be one gate vector per task, and two tasks or more."
        )
    memory = PrototypeMemory(prototypes, jnp.ones(number, bool), jnp.asarray(False))

    def right(start: Array, task: Int[Array, ""]) -> Array:
        shares = jax.nn.one_hot(task, number, dtype=prototypes.dtype)
        trial = adaptation.adapted(problem, with_gates(network, start), problem.population(shares))
        return memory.nearest(trial.gates)[0] == task

    tasks = jnp.arange(number)
    found = jax.vmap(lambda task: jax.vmap(lambda start: right(start, task))(prototypes))(tasks)
    switched = tasks[:, None] != tasks[None, :]
    return jnp.mean(found, where=switched, dtype=prototypes.dtype)


def _cosines(prototypes: Float[Array, "n ..."], gates: PyTree) -> Float[Array, " n"]:
    """The cosine of every prototype with a gate vector; zero where one of them is."""
    rows, own = prototypes.reshape(prototypes.shape[0], -1), gates.reshape(-1)
    sizes = jnp.sqrt(jnp.sum(rows**2, axis=1)) * jnp.sqrt(jnp.sum(own**2))
    return rows @ own / jnp.where(sizes > 0, sizes, 1)
