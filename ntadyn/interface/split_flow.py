"""Flows that fall into parts, each of which can be solved while the others are frozen."""

import abc
from collections.abc import Callable

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.flow import AbstractFlow, step_for
from ntadyn.interface.loops import EventSearch
from ntadyn.interface.overriding import ignored_by
from ntadyn.interface.system import Task
from ntadyn.tasks.known import is_traced

# Where all tasks are zero, or nearly, the start sets the scale.
_SHARE_OF_START = 1e-3


SubFlow = Callable[[PyTree, Task, Float[Array, ""], EventSearch], PyTree]
"""(state, task, duration, search) -> state: the flow of one part of the state for `duration`, the rest being frozen."""


class AbstractSplitFlow(AbstractFlow):
    """A flow whose state falls into parts, any number of them, each with a flow that is known while the others rest."""

    @abc.abstractmethod
    def sub_flows(self) -> tuple[SubFlow, ...]:
        """The flows of all parts, the fastest first."""

    @abc.abstractmethod
    def exchange(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """How fast the parts change each other, per unit of time: what a step that solves each has to resolve."""

    @abc.abstractmethod
    def task_rate(self) -> Float[Array, ""]:
        """The part of `exchange` that the tasks alone drive, whatever the state; the largest over tasks."""

    def ways_to_move(self) -> tuple[tuple[str, ...], ...]:
        """By the flows of its parts, or by the vector field."""
        return (("sub_flows",), ("vector_field",))

    @abc.abstractmethod
    def solver_of_parts(self, state: PyTree) -> diffrax.AbstractSolver:
        """The solver that suits this system where its parts are to be solved; only shapes are looked at."""

    def default_solver(self, state: PyTree) -> diffrax.AbstractSolver:
        """One that solves the parts, unless a subclass moves by another vector field."""
        if ignored_by(type(self), ("sub_flows",)):
            return AbstractFlow.default_solver(self, state)
        return self.solver_of_parts(state)

    def reference_rate(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """The exchange of parts that the tasks drive, and at least a thousandth of that at the start."""
        return jnp.maximum(self.task_rate(), _SHARE_OF_START * self.exchange(state, task))

    def default_step(self, state: PyTree, tasks: Task) -> float:
        """A step of 0.0125 / r, r the reference rate: gate errors of `Splitting` below 1e-3 on published regimes.

        Faster rates are solved exactly inside the parts of a step, and where a state is faster than the tasks the step
        is divided. With batched time constants or teachers the smallest step. The state may be left out, or traced: it
        only matters where all tasks are zero.
        """
        if state is None or is_traced(state):
            return step_for(self.task_rate())
        return step_for(self.reference_rate(state, jax.tree.map(lambda leaf: leaf[0], tasks)))
