"""Any number of levels that move in steps, each after as many as its clock says."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ntadyn.continual.flow import TASK_LOSS
from ntadyn.continual.groups import of_arrays
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.interface.flow import step_for
from ntadyn.interface.system import BlockInfo, Observable
from ntadyn.interface.update import AbstractUpdate
from ntadyn.nested.clocks import EverySteps, Flow, Once, OncePerBlock
from ntadyn.nested.level import Level, check_levels, either, owned, reset, starts_of
from ntadyn.nested.level_flow import LevelFlow, moved_at_block_end


class LevelDescentState(eqx.Module):
    """What one run carries along.

    Attributes:
        network: all parameters.
        gradients: per level that counts steps, the sum of the gradients since its last move.
        memories: per level that counts steps, the state of its rule.
        starts: parameters of levels that reset, as they were at the start of the run; None if there are none.
        count: steps since the start.
        key: the key of the batch that the next step will draw.
        cumulative_loss: the sum of h L over all steps, each on its batch, before the step that learns from it.
    """

    network: PyTree
    gradients: tuple[PyTree, ...]
    memories: tuple[Any, ...]
    starts: tuple[PyTree, ...] | None
    count: Int[Array, ""]
    key: PRNGKeyArray
    cumulative_loss: Float[Array, ""]


def cumulative_loss(system: Any, state: Any, task: Shares) -> Float[Array, ""]:
    """Loss that practice has cost so far: over all steps, what the learner was wrong by before it learned."""
    del system, task
    return state.cumulative_loss


class LevelDescent(AbstractUpdate):
    """x_l <- a_l x_l - (C_l h / tau_l) rule_l(mean gradient of its last C_l steps), after every C_l steps.

    All levels see the same fresh batch at every step, and move at once from the same network.

    Attributes:
        problem: what is asked.
        levels: the levels, in any order.
        data_key: the random key of the batches.
        batch_size: examples per step; None for the exact mean over all of them.

    Raises:
        ValueError: for clocks that flow, names that are not unique, if nothing counts steps, or for an empty batch.
    """

    problem: AbstractProblem
    levels: tuple[Level, ...]
    data_key: PRNGKeyArray
    batch_size: int | None = eqx.field(static=True, default=32)

    def __check_init__(self):
        check_levels(self.levels, (EverySteps, OncePerBlock, Once), EverySteps, "LevelDescent")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"LevelDescent: batch_size is {self.batch_size}; it must be at least 1, or None for all.")

    @property
    def num_tasks(self) -> int:
        """Number of tasks of the problem."""
        return self.problem.num_tasks

    @property
    def _counting(self) -> tuple[tuple[Level, EverySteps], ...]:
        return tuple((level, level.clock) for level in self.levels if isinstance(level.clock, EverySteps))

    def initial_state(self, network: PyTree) -> LevelDescentState:
        """The network, no gradients yet, and empty memories.

        Raises:
            ValueError: for parameters that belong to two levels, or levels without any.
        """
        network = of_arrays(network)
        owned(network, self.levels)
        parts: list[Any] = [eqx.filter(level.where(network), eqx.is_inexact_array) for level, _ in self._counting]
        zeros = tuple(jax.tree.map(jnp.zeros_like, part) for part in parts)
        memories = tuple(level.rule.init(part) for (level, _), part in zip(self._counting, parts, strict=True))
        starts = starts_of(network, self.levels)
        nothing = jnp.zeros((), jnp.result_type(*jax.tree.leaves(parts)))
        return LevelDescentState(network, zeros, memories, starts, jnp.zeros((), int), self.data_key, nothing)

    def default_step(self, state: LevelDescentState, tasks: Float[Array, "n m"]) -> float:
        """The step that resolves the same levels in continuous time."""
        flows = tuple(
            Level(level.name, level.where, Flow(clock.time_constant), level.objective)
            for level, clock in self._counting
        )
        flow: Any = LevelFlow(problem=self.problem, levels=flows)  # pyright: ignore[reportCallIssue]
        start = flow.initial_state(state.network)
        return step_for(jax.vmap(lambda task: flow.fastest_rate(start, task))(tasks))

    def update(self, state: LevelDescentState, task: Shares, step: Float[Array, ""]) -> LevelDescentState:
        """One step of length h on one batch, after which every level moves whose turn it is."""
        key, of_batch = jax.random.split(state.key)
        size = self.batch_size
        batch = self.problem.population(task) if size is None else self.problem.draw(of_batch, task, size)
        count, network = state.count + 1, state.network
        gradients, memories = [], []
        for (level, clock), total, memory in zip(self._counting, state.gradients, state.memories, strict=True):
            total = jax.tree.map(jnp.add, total, level.slope(self.problem, state.network, batch))
            mean: Any = jax.tree.map(lambda leaf, number=clock.number: leaf / number, total)
            part: Any = level.where(state.network)
            direction, after = level.rule.update(mean, memory, eqx.filter(part, eqx.is_inexact_array))
            moved = level.stepped(part, direction, clock.number * step / clock.time_constant)
            due = count % clock.number == 0
            network = level.put(network, either(due, moved, part))
            gradients.append(either(due, jax.tree.map(jnp.zeros_like, total), total))
            memories.append(either(due, after, memory))
        met = state.cumulative_loss + step * self.problem.loss(state.network, batch)
        return LevelDescentState(network, tuple(gradients), tuple(memories), state.starts, count, key, met)

    def loss(self, state: LevelDescentState, task: Shares) -> Float[Array, ""]:
        """The mean of the reported losses, weighted by the shares of the tasks."""
        return jnp.sum(task * self.problem.losses(state.network))

    def observables(self) -> dict[str, Observable]:
        """The loss on the task in force, on every task, and that of all practice so far."""
        return super().observables() | {"task_loss": TASK_LOSS, "cumulative_loss": cumulative_loss}

    def at_block_start(self, state: LevelDescentState, block: BlockInfo) -> LevelDescentState:
        """The way back of levels that reset; what they have accumulated stays."""
        del block
        network = reset(state.network, self.levels, state.starts)
        return eqx.tree_at(lambda state: state.network, state, network)

    def at_block_end(self, state: LevelDescentState, block: BlockInfo) -> LevelDescentState:
        """The moves of levels that move once per block."""
        network = moved_at_block_end(self.problem, self.levels, state.network, block)
        return eqx.tree_at(lambda state: state.network, state, network)
