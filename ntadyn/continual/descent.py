"""Descent on batches of any network on any problem under a strategy."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ntadyn.continual.flow import TASK_LOSS, ContinualFlow, ContinualState
from ntadyn.continual.groups import masked, over_time_constants, without_moments
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.continual.strategy import AbstractStrategy
from ntadyn.interface.flow import step_for
from ntadyn.interface.system import BlockInfo, Observable
from ntadyn.interface.update import AbstractUpdate


class DescentState(eqx.Module):
    """What one run of descent on batches carries along.

    Attributes:
        network: the parameters.
        memory: of the strategy.
        optimiser: the state of the update rule.
        key: the key of the batch that the next step will draw.
    """

    network: PyTree
    memory: PyTree
    optimiser: Any
    key: PRNGKeyArray


class ContinualDescent(AbstractUpdate):
    """x_g <- x_g - (h / tau_g) rule(d objective on a batch / dx_g): `ContinualFlow` on a fresh batch at every step.

    Attributes:
        flow: problem, strategy, time constants and penalties; the limit of large batches and small steps.
        data_key: the random key of the batches.
        batch_size: examples per step.
        support: examples of its task that a strategy is shown at the start of a block, beside those of the steps.
        rule: the update rule without a learning rate, plain descent if omitted.
        watched: what is observed beside losses, by name.

    Raises:
        ValueError: if the batch size or the support is not positive.
    """

    flow: ContinualFlow
    data_key: PRNGKeyArray
    batch_size: int = eqx.field(static=True, default=32)
    support: int = eqx.field(static=True, default=256)
    rule: optax.GradientTransformation = eqx.field(static=True, default=optax.identity())
    watched: dict[str, Observable] = eqx.field(default_factory=dict)

    def __check_init__(self):
        for name, value in (("batch size", self.batch_size), ("support", self.support)):
            if value < 1:
                raise ValueError(f"the {name} is {value}; it must be at least 1.")

    @property
    def num_tasks(self) -> int:
        """Number of tasks of the problem."""
        return self.flow.num_tasks

    @property
    def problem(self) -> AbstractProblem:
        """What is asked."""
        return self.flow.problem

    @property
    def strategy(self) -> AbstractStrategy:
        """What is done about forgetting."""
        return self.flow.strategy

    def initial_state(self, network: PyTree) -> DescentState:
        """The state of the flow, an empty memory of the rule, and the data key."""
        state = self.flow.initial_state(network)
        parameters: Any = eqx.filter(state.network, eqx.is_inexact_array)
        return DescentState(state.network, state.memory, self.rule.init(parameters), self.data_key)

    def default_step(self, state: DescentState, tasks: Float[Array, "n m"]) -> float:
        """The step that resolves the flow."""
        return step_for(jax.vmap(lambda task: self.flow.rate_in_force(_of_flow(state), task))(tasks))

    def loss(self, state: DescentState, task: Shares) -> Float[Array, ""]:
        """The mean of the reported losses, weighted by the shares of the tasks."""
        return jnp.sum(task * self.problem.losses(state.network))

    def update(self, state: DescentState, task: Shares, step: Float[Array, ""]) -> DescentState:
        """One step of length h on one fresh batch."""
        problem, strategy, memory = self.problem, self.strategy, state.memory
        key, of_batch, of_strategy = jax.random.split(state.key, 3)
        batch = strategy.draw(problem, memory, of_batch, task, self.batch_size)
        objective = lambda network: self.flow.objective(network, memory, batch)  # noqa: E731
        gradient: Any = masked(eqx.filter_grad(objective)(state.network), strategy.released(memory))
        parameters: Any = eqx.filter(state.network, eqx.is_inexact_array)
        direction, optimiser = self.rule.update(gradient, state.optimiser, parameters)
        scaled = over_time_constants(masked(direction, strategy.released(memory)), self.flow.time_constants)
        network = eqx.apply_updates(state.network, jax.tree.map(lambda leaf: -step * leaf, scaled))
        stepped = DescentState(network, memory, optimiser, key)
        if not strategy.acts_after_steps():
            return stepped
        return self._hooked(stepped, ContinualState(*strategy.after_step(problem, network, memory, batch, of_strategy)))

    def observables(self) -> dict[str, Observable]:
        """The loss on the task in force, and on every task; whatever else is watched."""
        return super().observables() | {"task_loss": TASK_LOSS} | self.watched

    def at_block_start(self, state: DescentState, block: BlockInfo) -> DescentState:
        """What the strategy does when a task comes into force, of which it sees `support` examples."""
        key, of_support = jax.random.split(state.key)
        batch = self.problem.draw(of_support, block.task, self.support)
        network, memory = self.strategy.at_start(self.problem, state.network, state.memory, batch)
        return self._hooked(eqx.tree_at(lambda state: state.key, state, key), ContinualState(network, memory))

    def at_block_end(self, state: DescentState, block: BlockInfo) -> DescentState:
        """What the strategy does when a task goes, all of whose examples it may look at."""
        return self._hooked(state, self.flow.at_block_end(_of_flow(state), block))

    def ran_out(self, state: DescentState) -> Bool[Array, ""]:
        """Whether the strategy needed more room than it was given."""
        return self.strategy.is_full(state.memory)

    def _hooked(self, state: DescentState, jumped: Any) -> DescentState:
        optimiser = without_moments(state.optimiser, jumped.network, self.strategy.renewed(jumped.memory))
        return DescentState(jumped.network, jumped.memory, optimiser, state.key)


def _of_flow(state: DescentState) -> ContinualState:
    return ContinualState(state.network, state.memory)
