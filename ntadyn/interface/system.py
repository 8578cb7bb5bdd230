"""What every learning system offers to simulations, sweeps and comparisons."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.interface import overriding

Task = PyTree
"""What is to be learned, as a curriculum says it: mixture weights over teachers, the index of a data set, a batch."""

Observable = Callable[[Any, PyTree, Any], Any]
"""A function (system, state, task) -> array, or pytree of arrays."""


class BlockInfo(eqx.Module):
    """The place of a block in a curriculum, as the hooks of a system are told.

    Attributes:
        index: number of the block, from 0.
        start: t at its start.
        end: t at its end.
        ended: the task of the block before; that of this block if it is the first.
        task: the task in force in the middle of the block.
        begins: the task of the block after; that of this block if it is the last.
        is_first: whether there is no block before.
        is_last: whether there is no block after.
    """

    index: Int[Array, ""]
    start: Float[Array, ""]
    end: Float[Array, ""]
    ended: Task
    task: Task
    begins: Task
    is_first: Bool[Array, ""]
    is_last: Bool[Array, ""]


class AbstractSystem(eqx.Module):
    """Something that learns from a stream of tasks.

    Whatever implements these methods can be simulated, swept, plotted and compared. One of two capabilities says how
    its state moves: `AbstractFlow` in continuous time, `AbstractUpdate` in steps of its own. The state is any pytree of
    arrays whose floating-point arrays have one dtype. A task is whatever the curriculum says it is.

    Attributes:
        num_tasks: number of tasks that the system knows; a curriculum must have as many.

    Raises:
        ValueError: for a subclass that overrides a method that would not be used to move it.
    """

    num_tasks: eqx.AbstractVar[int]

    def __check_init__(self):
        overriding.check_some_way_to_move(type(self), self.ways_to_move())

    @abc.abstractmethod
    def initial_state(self, network: PyTree) -> PyTree:
        """The state that describes `network` in the variables of this system.

        Raises:
            ValueError: if there is none.
        """

    @abc.abstractmethod
    def loss(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """The loss on any task, in force or not, without penalties: what the published figures call the loss."""

    @abc.abstractmethod
    def default_step(self, state: PyTree, tasks: Task) -> float:
        """A step that resolves what moves, in the caller's unit of time, for a system made of known numbers.

        Args:
            state: the initial state.
            tasks: the tasks of a curriculum, leading axis = task.
        """

    @abc.abstractmethod
    def ways_to_move(self) -> tuple[tuple[str, ...], ...]:
        """For every way in which this system can be moved, the methods that it starts from."""

    def check_state(self, state: PyTree) -> None:
        """Refuse a state that is not one of this system; only types and shapes matter.

        Raises:
            ValueError: if it is refused.
        """
        del state

    def observables(self) -> dict[str, Observable]:
        """What is recorded unless something else is asked for: the loss on the task in force."""
        return {"loss": _loss}

    def at_block_start(self, state: PyTree, block: BlockInfo) -> PyTree:
        """The state after a jump at the start of a block; unchanged unless the rule has one.

        Called once per block before its first record, also at switches between equal tasks. It must be pure: random
        numbers come from a key in the state.
        """
        del block
        return state

    def at_block_end(self, state: PyTree, block: BlockInfo) -> PyTree:
        """The state after a jump at the end of a block, after its last record: snapshots, anchors, consolidation."""
        del block
        return state

    def ran_out(self, state: PyTree) -> Bool[Array, ""]:
        """Whether the run that ended in this state needed more room than the arrays of its state have."""
        del state
        return jnp.asarray(False)


def _loss(system: AbstractSystem, state: PyTree, task: Task) -> Float[Array, ""]:
    return system.loss(state, task)


def has_hooks(system: AbstractSystem) -> bool:
    """Whether a system does anything at the edges of blocks."""
    hooks = ("at_block_start", "at_block_end")
    return any(getattr(type(system), name) is not getattr(AbstractSystem, name) for name in hooks)


def can_run_out(system: AbstractSystem) -> bool:
    """Whether a system may need more room than it has."""
    return type(system).ran_out is not AbstractSystem.ran_out
