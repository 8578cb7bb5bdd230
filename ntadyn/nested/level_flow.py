"""Any number of levels in continuous time."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.continual.flow import TASK_LOSS
from ntadyn.continual.groups import of_arrays
from ntadyn.continual.problem import AbstractProblem, Shares
from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.system import BlockInfo, Observable
from ntadyn.nested.clocks import Flow, Once, OncePerBlock
from ntadyn.nested.level import NO_RULE, Level, check_levels, owned, reset, starts_of


class LevelState(eqx.Module):
    """A network whose parts are levels.

    Attributes:
        network: all parameters.
        starts: those of levels that reset, as they were at the start of the run; None if there are none.
    """

    network: PyTree
    starts: tuple[PyTree, ...] | None = None


class LevelFlow(AbstractFlow):
    """tau_l dx_l/dt = -dE_l/dx_l for every level l that flows; the others jump at the ends of blocks, or stay.

    Two levels, gates and weights, that descend one energy are `GradientFlow`; three, four or K are as many arguments.
    Levels may descend different objectives. What no level owns rests.

    Attributes:
        problem: what is asked, and with that the loss; populations are exact for networks that are linear in x.
        levels: the levels, in any order.

    Raises:
        ValueError: for clocks that count steps, names that are not unique, or if nothing flows.
    """

    problem: AbstractProblem
    levels: tuple[Level, ...]

    def __check_init__(self):
        check_levels(self.levels, (Flow, OncePerBlock, Once), Flow, "LevelFlow")
        for level in self.levels:
            if isinstance(level.clock, Flow) and (level.rule != NO_RULE or not _is_one(level.retention)):
                raise ValueError(
                    f"LevelFlow: level {level.name!r} flows, and has a rule or a retention, which are about steps; put "
                    "them into its objective, or use LevelDescent."
                )

    @property
    def num_tasks(self) -> int:
        """Number of tasks of the problem."""
        return self.problem.num_tasks

    def initial_state(self, network: PyTree) -> LevelState:
        """The network, with functions as part of its structure.

        Raises:
            ValueError: for parameters that belong to two levels, or levels without any.
        """
        network = of_arrays(network)
        owned(network, self.levels)
        return LevelState(network, starts_of(network, self.levels))

    def vector_field(self, t: Any, state: LevelState, task: Shares) -> LevelState:
        """Every level that flows down its own slope."""
        del t
        batch, network = self.problem.population(task), state.network
        field = jax.tree.map(lambda leaf: jnp.zeros_like(leaf) if eqx.is_inexact_array(leaf) else None, network)
        for level in self.levels:
            if isinstance(level.clock, Flow):
                slope, tau = level.slope(self.problem, network, batch), level.clock.time_constant
                rate = jax.tree.map(lambda leaf, tau=tau: -leaf / jnp.asarray(tau, leaf.dtype), slope)
                field = eqx.tree_at(level.where, field, rate, is_leaf=lambda leaf: leaf is None)
        return LevelState(field, jax.tree.map(lambda _: None, state.starts))

    def flowing(self, state: LevelState) -> LevelState:
        """What belongs to levels that flow."""
        flows = [level for level in self.levels if isinstance(level.clock, Flow)]
        return LevelState(owned(state.network, flows), jax.tree.map(lambda _: False, state.starts))

    def loss(self, state: LevelState, task: Shares) -> Float[Array, ""]:
        """The mean of the reported losses, weighted by the shares of the tasks."""
        return jnp.sum(task * self.problem.losses(state.network))

    def has_kinks(self) -> bool:
        """Whether the objective of a level has."""
        return any(level.objective.has_kinks() for level in self.levels)

    def observables(self) -> dict[str, Observable]:
        """The loss on the task in force, and on every task."""
        return super().observables() | {"task_loss": TASK_LOSS}

    def at_block_start(self, state: LevelState, block: BlockInfo) -> LevelState:
        """The way back of levels that reset."""
        del block
        return LevelState(reset(state.network, self.levels, state.starts), state.starts)

    def at_block_end(self, state: LevelState, block: BlockInfo) -> LevelState:
        """The moves of levels that move once per block, all from the same network."""
        return LevelState(moved_at_block_end(self.problem, self.levels, state.network, block), state.starts)


def moved_at_block_end(
    problem: AbstractProblem, levels: tuple[Level, ...], network: PyTree, block: BlockInfo
) -> PyTree:
    """The network after the levels that move once per block have moved.

    Args:
        problem: what is asked.
        levels: all levels.
        network: at the end of the block.
        block: which one.
    """
    after, batch = network, problem.population(block.task)
    for level in levels:
        if isinstance(level.clock, OncePerBlock):
            slope = level.slope(problem, network, batch)
            after = level.put(after, level.stepped(level.where(network), slope, level.clock.rate))
    return after


def _is_one(retention: Any) -> bool:
    return isinstance(retention, float | int) and retention == 1
