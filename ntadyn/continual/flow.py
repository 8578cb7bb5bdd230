"""Gradient flow of any network on any problem under a strategy."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ntadyn.continual.groups import (
    TimeConstants,
    as_time_constants,
    check_groups,
    masked,
    of_arrays,
    over_time_constants,
)
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.continual.strategy import AbstractStrategy
from ntadyn.interface.flow import AbstractFlow, step_for
from ntadyn.interface.observables import Labelled
from ntadyn.interface.system import BlockInfo, Observable
from ntadyn.regularizers import AbstractPenalty
from ntadyn.tasks.examples import Batch


class ContinualState(eqx.Module):
    """A network, and what its strategy remembers.

    Attributes:
        network: the parameters.
        memory: of the strategy, any pytree of arrays.
    """

    network: PyTree
    memory: PyTree


class ContinualFlow(AbstractFlow):
    """tau_g dx_g/dt = -d/dx_g [ objective of the strategy on the population + sum_g R_g(x_g) ].

    Attributes:
        problem: what is asked.
        strategy: what is done about forgetting.
        time_constants: tau of every parameter group, or one for all.
        penalties: R_g by group name.

    Raises:
        ValueError: for time constants that are not positive.
    """

    problem: AbstractProblem
    strategy: AbstractStrategy
    time_constants: TimeConstants = eqx.field(converter=as_time_constants)
    penalties: dict[str, AbstractPenalty] = eqx.field(default_factory=dict)

    @property
    def num_tasks(self) -> int:
        """Number of tasks of the problem."""
        return self.problem.num_tasks

    def initial_state(self, network: PyTree) -> ContinualState:
        """The network as the strategy wants it at the start, and its memory; functions are no part of either."""
        network = of_arrays(network)
        check_groups(network, self.time_constants)
        return ContinualState(*self.strategy.begin(self.problem, network))

    def check_state(self, state: ContinualState) -> None:
        """Refuse strategies that need batches.

        Raises:
            ValueError: if the strategy draws batches of its own, or does something after every step.
        """
        del state
        if self.strategy.acts_on_batches():
            raise ValueError(
                f"{type(self.strategy).__name__} draws batches or acts after every step, which a flow does not have; "
                "use ContinualDescent."
            )

    def loss(self, state: ContinualState, task: Shares) -> Float[Array, ""]:
        """The mean of the reported losses, weighted by the shares of the tasks."""
        return jnp.sum(task * self.problem.losses(state.network))

    def energy(self, state: ContinualState, task: Shares) -> Float[Array, ""]:
        """The objective of the strategy plus penalties."""
        batch = self.problem.population(self.strategy.shares(state.memory, task))
        return self.objective(state.network, state.memory, batch)

    def vector_field(self, t: Any, state: ContinualState, task: Shares) -> ContinualState:
        """-(1/tau_g) d energy/dx_g for every group g that is released."""
        del t
        batch = self.problem.population(self.strategy.shares(state.memory, task))
        gradient = eqx.filter_grad(lambda network: self.objective(network, state.memory, batch))(state.network)
        released = masked(gradient, self.strategy.released(state.memory))
        rate = jax.tree.map(jnp.negative, over_time_constants(released, self.time_constants))
        return ContinualState(rate, jax.tree.map(lambda _: None, state.memory))

    def default_step(self, state: ContinualState, tasks: Float[Array, "n m"]) -> float:
        """The step for the fastest rate under any task, see `rate_in_force`."""
        return step_for(jax.vmap(lambda task: self.rate_in_force(state, task))(tasks))

    def rate_in_force(self, state: ContinualState, task: Shares) -> Float[Array, ""]:
        """The fastest rate once a task has come into force, with which a strategy may set things in motion."""
        batch = self.problem.population(task)
        begun = ContinualState(*self.strategy.at_start(self.problem, state.network, state.memory, batch))
        return self.fastest_rate(begun, task)

    def flowing(self, state: ContinualState) -> ContinualState:
        """The network, and nothing of the memory."""
        return ContinualState(jax.tree.map(eqx.is_inexact_array, state.network), False)

    def has_kinks(self) -> bool:
        """Whether a penalty has kinks."""
        return any(penalty.kinked for penalty in self.penalties.values())

    def observables(self) -> dict[str, Observable]:
        """The loss on the task in force, and on every task."""
        return super().observables() | {"task_loss": TASK_LOSS}

    def at_block_start(self, state: ContinualState, block: BlockInfo) -> ContinualState:
        """What the strategy does when a task comes into force."""
        batch = self.problem.population(block.task)
        return ContinualState(*self.strategy.at_start(self.problem, state.network, state.memory, batch))

    def at_block_end(self, state: ContinualState, block: BlockInfo) -> ContinualState:
        """What the strategy does when a task goes."""
        batch = self.problem.population(block.task)
        return ContinualState(*self.strategy.at_end(self.problem, state.network, state.memory, batch))

    def ran_out(self, state: ContinualState) -> Bool[Array, ""]:
        """Whether the strategy needed more room than it was given."""
        return self.strategy.is_full(state.memory)

    def objective(self, network: PyTree, memory: PyTree, batch: Batch) -> Float[Array, ""]:
        """The objective of the strategy on a batch plus penalties."""
        of_penalties = sum(penalty.energy(getattr(network, group)) for group, penalty in self.penalties.items())
        return self.strategy.objective(self.problem, network, memory, batch) + of_penalties


def task_loss(system: Any, state: Any, task: Shares) -> Float[Array, " m"]:
    """The loss on every task, whichever is in force: a row of the matrix R."""
    del task
    return system.problem.losses(state.network)


TASK_LOSS = Labelled(task_loss, ("teacher",), "task loss on every task, whichever is in force")
