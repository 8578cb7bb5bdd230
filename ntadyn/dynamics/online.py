"""Gradient descent on finite batches, in the published discretisation."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.dynamics.batches import AbstractSampler, Rows
from ntadyn.dynamics.gradient_flow import GradientFlow
from ntadyn.interface.flow import step_for
from ntadyn.interface.gated_linear import AbstractGatedLinear, Overlaps, TaskWeights
from ntadyn.interface.rates import rate_of_teachers
from ntadyn.interface.update import AbstractUpdate
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.regularizers import AbstractPenalty
from ntadyn.tasks.task_set import TaskSet


class OnlineState(eqx.Module):
    """What one run of stochastic gradient descent carries along.

    Attributes:
        network: the parameters.
        memory: the state of the update rule (empty for plain descent).
        key: the key of the batch that the next update will draw.
    """

    network: AbstractGatedNetwork
    memory: Any
    key: PRNGKeyArray


class OnlineSGD(AbstractUpdate, AbstractGatedLinear):
    """x_g <- x_g - (h / tau_g) rule(dE_B/dx_g),  E_B = 1/(2B) sum_b |y(x_b) - y*(x_b)|^2 + sum_g R_g.

    Inputs are x_b ~ N(0, Sigma), with a fresh batch at every step, and all groups are updated together. The
    learning rate of a group is the step over its time constant; `rule` is a gradient transformation without a learning
    rate, so that momentum (`optax.trace`), Adam (`optax.scale_by_adam`) or clipping need no other change.

    Attributes:
        flow: the population flow, the limit of large B and small h; it holds tasks, time constants and penalties.
        batch_size: B.
        sampler: how batches are drawn: `Rows`, or `Wishart`, which is the same in law and cheaper for large B.
        data_key: the random key of the data, independent of those of the teachers and the initial state.
        rule: the update rule, `optax.identity()` for the published plain descent.

    Raises:
        ValueError: if the batch size is not positive, or too small for the sampler.

    Source: published code of arXiv 2411.03840.
    """

    flow: GradientFlow
    data_key: PRNGKeyArray
    batch_size: int = eqx.field(static=True, default=200)
    rule: optax.GradientTransformation = eqx.field(static=True, default=optax.identity())
    sampler: AbstractSampler = eqx.field(static=True, default=Rows())

    def __check_init__(self):
        if self.batch_size < 1:
            raise ValueError(f"the batch size is {self.batch_size}; it must be at least 1.")
        self.sampler.check(self.batch_size, self.tasks.d_in)

    @property
    def tasks(self) -> TaskSet:
        """The teachers of the flow."""
        return self.flow.tasks

    @property
    def time_constants(self) -> dict[str, Float[Array, ""]]:
        """The time constants of the flow."""
        return self.flow.time_constants

    @property
    def penalties(self) -> dict[str, AbstractPenalty]:
        """The penalties of the flow."""
        return self.flow.penalties

    def initial_state(self, network: AbstractGatedNetwork) -> OnlineState:
        """The network, an empty memory, and the data key."""
        network = self.flow.initial_state(network)
        parameters: Any = network  # optax types its trees more narrowly than it treats them
        return OnlineState(network, self.rule.init(parameters), self.data_key)

    def default_step(self, state: OnlineState | None, tasks: Float[Array, "n m"]) -> float:
        """The step that would resolve the population flow."""
        del state, tasks
        return step_for(rate_of_teachers(self.tasks.teachers, self.time_constants))

    def batch_noise(self, step: float | Float[Array, ""]) -> Float[Array, ""]:
        """Kappa = (h / tau_W) (d_in + 1) / B, which says how much the noise of batches matters: not at all below .02.

        In a step the square of the error, as the weights hold it, grows by kappa |c|^4 h / tau_W of itself. Frozen
        gates learn only while kappa |c|^2 < 2 - h |c|^2 / tau_W.

        Args:
            step: h.
        """
        return step / self.time_constants["weights"] * (self.tasks.d_in + 1) / self.batch_size

    def coarsened(self, factor: int) -> "OnlineSGD":
        """(k h, k B): batches k times as large, for steps k times as long, which the caller takes.

        The noise per time stays what it is (linear scaling), while every step costs the same with `Wishart`. What
        changes is what long steps change without any noise.

        Args:
            factor: k.

        Raises:
            ValueError: for a factor below 1.
        """
        if factor < 1:
            raise ValueError(f"coarsened by {factor}; steps and batches can be made larger only, by a whole number.")
        return dataclasses.replace(self, batch_size=factor * self.batch_size)

    def update(self, state: OnlineState, task: TaskWeights, step: Float[Array, ""]) -> OnlineState:
        """One step of length h on one fresh batch."""
        gradient: Any = self._batch_gradient(state, task)
        parameters: Any = state.network
        direction, memory = self.rule.update(gradient, state.memory, parameters)
        network = jax.tree.map(jnp.add, state.network, self._scaled(direction, -step))
        return OnlineState(network, memory, jax.random.split(state.key, 1)[0])

    def batch_loss(self, state: OnlineState, task: TaskWeights) -> Float[Array, ""]:
        """The task loss on the batch of the next update, before that update; what the published code calls the loss."""
        return self._batch_loss(state.network, self._inputs(state.key), task)

    def loss(self, state: OnlineState, task: TaskWeights) -> Float[Array, ""]:
        """The population loss of the current network."""
        return self.flow.loss(state.network, task)

    def energy(self, state: OnlineState, task: TaskWeights) -> Float[Array, ""]:
        """The population energy of the current network."""
        return self.flow.energy(state.network, task)

    def gates(self, state: OnlineState) -> Array:
        """The network's gates."""
        return state.network.gates

    def network(self, state: OnlineState) -> AbstractGatedNetwork:
        """The network, without memory and key."""
        return state.network

    def overlaps(self, state: OnlineState) -> Overlaps:
        """Overlaps per output row."""
        return self.flow.overlaps(state.network)

    def seen_overlaps(self, state: OnlineState) -> Overlaps:
        """Overlaps per output row through the covariance of the inputs."""
        return self.flow.seen_overlaps(state.network)

    def _inputs(self, key: PRNGKeyArray) -> Float[Array, "rows i"]:
        """F, with the second moments of a batch of B inputs."""
        teachers = self.flow.tasks.teachers
        white = self.sampler(key, self.batch_size, teachers.shape[-1], teachers.dtype)
        covariance = self.flow.input_covariance
        if covariance is None:
            return white
        return (white * jnp.sqrt(covariance.variances)[None]) @ covariance.directions.T

    def _batch_loss(self, network: AbstractGatedNetwork, inputs: Array, task: TaskWeights) -> Float[Array, ""]:
        target = jnp.einsum("m,moi->oi", task, self.flow.tasks.teachers)
        errors = inputs @ (network.total_map() - target).T
        return 0.5 * jnp.sum(errors**2) / self.batch_size

    def _batch_gradient(self, state: OnlineState, task: TaskWeights) -> AbstractGatedNetwork:
        inputs = self._inputs(state.key)

        def energy(network):
            penalty = sum(p.energy(getattr(network, group)) for group, p in self.penalties.items())
            return self._batch_loss(network, inputs, task) + penalty

        return jax.grad(energy)(state.network)

    def _scaled(self, direction: Any, step: float | Array) -> AbstractGatedNetwork:
        """Each group of `direction` times step / tau_g."""
        groups = list(self.time_constants)
        scaled = [getattr(direction, name) * (step / self.time_constants[name]) for name in groups]
        return eqx.tree_at(lambda network: [getattr(network, name) for name in groups], direction, scaled)
