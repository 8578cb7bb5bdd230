"""Flows that fall into parts, each of which can be solved while the others are frozen."""

import abc
from collections.abc import Callable

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.flow import AbstractFlow, step_for
from ntadyn.interface.loops import EventSearch
from ntadyn.interface.overriding import ignored_by
from ntadyn.interface.system import Task
from ntadyn.tasks.known import is_traced

# If all tasks are zero, or nearly so, the start sets the scale.
_SHARE_OF_START = 1e-3


SubFlow = Callable[[PyTree, Task, Float[Array, ""], EventSearch], PyTree]
"""(state, task, duration, search) -> state: the flow of one part of the state for `duration`, with the rest frozen."""


class AbstractSplitFlow(AbstractFlow):
    """A flow whose state falls into any number of parts, each with a flow that is known while the others rest."""

    @abc.abstractmethod
    def sub_flows(self) -> tuple[SubFlow, ...]:
        """The flows of all parts, the fastest first."""

    @abc.abstractmethod
    def exchange(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """How fast the parts change each other, per unit of time: what a step that solves each part has to resolve."""

    @abc.abstractmethod
    def task_rate(self) -> Float[Array, ""]:
        """The part of `exchange` that the tasks drive in any state, per unit of time; the largest over tasks."""

    def ways_to_move(self) -> tuple[tuple[str, ...], ...]:
        """Two: by the flows of its parts, or by the vector field."""
        return (("sub_flows",), ("vector_field",))

    @abc.abstractmethod
    def solver_of_parts(self, state: PyTree) -> diffrax.AbstractSolver:
        """The solver that suits this system if its parts are to be solved; only the shapes of the state matter."""

    def default_solver(self, state: PyTree) -> diffrax.AbstractSolver:
        """The solver of the parts, unless a subclass overrides the vector field alone."""
        if ignored_by(type(self), ("sub_flows",)):
            return AbstractFlow.default_solver(self, state)
        return self.solver_of_parts(state)

    def reference_rate(self, state: PyTree, task: Task) -> Float[Array, ""]:
        """`task_rate`, but at least a thousandth of the exchange at the start."""
        return jnp.maximum(self.task_rate(), _SHARE_OF_START * self.exchange(state, task))

    def default_step(self, state: PyTree, tasks: Task) -> float:
        """A step h = 0.0125 / r, r the reference rate: gate errors of `Splitting` below 1e-3 in published regimes.

        Faster rates are solved exactly inside the parts of a step, and the step is divided where a state is faster than
        the tasks. Batched time constants or teachers get the smallest of their steps. The state may be left out or
        traced: it only matters if all tasks are zero.
        """
        if state is None or is_traced(state):
            return step_for(self.task_rate())
        return step_for(_rate_at_the_first(self, state, tasks))


@eqx.filter_jit  # one program, where each operation would be one
def _rate_at_the_first(flow: AbstractSplitFlow, state: PyTree, tasks: Task) -> Array:
    return flow.reference_rate(state, jax.tree.map(lambda leaf: leaf[0], tasks))
