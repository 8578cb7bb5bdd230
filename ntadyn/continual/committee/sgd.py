"""Online learning of a committee machine on single samples, of which `CommitteeMachine` is the limit of many inputs."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.continual.committee.machine import COMMITTEE, CommitteeMachine, CommitteeState
from ntadyn.continual.committee.network import CommitteeNetwork, activation, check_fit
from ntadyn.interface.gated_linear import TaskWeights
from ntadyn.interface.system import Observable
from ntadyn.interface.update import AbstractUpdate


class CommitteeSGDState(eqx.Module):
    """A student and the key of the next sample."""

    network: CommitteeNetwork
    key: PRNGKeyArray


class CommitteeSGD(AbstractUpdate):
    """W_i += w s sqrt N e v_i g'(x_i) xi,  v += h s e g(x),  with e = u . g(x*) - v . g(x).

    xi ~ N(0, 1) is a fresh input at every step, x = W xi / sqrt N are its fields, x* those of the teachers, and s the
    length of the step, 1/N.

    Attributes:
        limit: the flow for many inputs; it holds the teachers and the learning rates.
        data_key: the key of the samples.
    """

    limit: CommitteeMachine
    data_key: PRNGKeyArray

    @property
    def num_tasks(self) -> int:
        """Number of tasks."""
        return self.limit.num_tasks

    def initial_state(self, network: CommitteeNetwork) -> CommitteeSGDState:
        """The network and the data key.

        Raises:
            ValueError: for a network that does not fit the teachers.
        """
        check_fit(network, self.limit.tasks)
        return CommitteeSGDState(network, self.data_key)

    def update(self, state: CommitteeSGDState, task: TaskWeights, step: Float[Array, ""]) -> CommitteeSGDState:
        """One step on one sample."""
        key, drawn = jax.random.split(state.key)
        network, tasks = state.network, self.limit.tasks
        number = network.weights.shape[1]
        sample = jax.random.normal(drawn, (number,), network.weights.dtype)
        fields, told = network.weights @ sample / number**0.5, tasks.units @ sample / number**0.5
        head = task @ network.heads
        error = (task @ tasks.readouts) @ activation(told) - head @ activation(fields)
        slope = (2 / jnp.pi) ** 0.5 * jnp.exp(-0.5 * fields**2)
        grown = self.limit.weight_rate * step * number**0.5 * error * (head * slope)[:, None] * sample[None]
        heads = network.heads + self.limit.head_rate * step * error * task[:, None] * activation(fields)[None]
        return CommitteeSGDState(CommitteeNetwork(network.weights + grown, heads), key)

    def closed(self, state: CommitteeSGDState) -> CommitteeState:
        """The state of the limit that describes the network."""
        return self.limit.initial_state(state.network)

    def loss(self, state: CommitteeSGDState, task: TaskWeights) -> Float[Array, ""]:
        """The population loss of the network."""
        return self.limit.loss(self.closed(state), task)

    def task_losses(self, state: CommitteeSGDState) -> Float[Array, " m"]:
        """The population loss on every task."""
        return self.limit.task_losses(self.closed(state))

    def default_step(self, state: CommitteeSGDState | None, tasks: Array) -> float:
        """1/N."""
        del state, tasks
        return 1 / self.limit.tasks.units.shape[1]

    def observables(self) -> dict[str, Observable]:
        """Those of the limit."""
        return COMMITTEE
