"""Steps that are made in parts where the state is faster than what the length of the steps was chosen for."""

import abc
from typing import Any, ClassVar

import diffrax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.split_flow import AbstractSplitFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.solvers.term import LearningTerm

# Steps are chosen for the exchange of gates and weights that the teachers drive; a state that exchanges this many times
# faster divides them. On the published runs the largest ratio is 2.8.
SLACK = 3.0
# The longest explicit step times the fastest rate. The steps of Euler, Heun and higher orders are stable up to 2, where
# they no longer damp; here both leave less than 0.63 of a mode.
STABLE = 1.5


class AbstractDividingSolver(diffrax.AbstractSolver):
    """A solver that knows how finely it has to step from a state.

    Attributes:
        moves_by: the methods of a system that it starts from.
    """

    moves_by: ClassVar[tuple[str, ...]] = ("vector_field",)

    @abc.abstractmethod
    def check(self, system: AbstractSystem) -> None:
        """Raise ValueError for a system that this cannot step."""

    def init(self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any) -> None:
        """No memory between steps; refuses what `check` refuses."""
        del t0, t1, y0, args
        self.check(terms.system)

    @abc.abstractmethod
    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Into how many parts a step is to be divided; not rounded, and less than one where it need not be.

        Args:
            terms: system and curriculum.
            t0: where the step starts.
            t1: where it would end.
            y0: the flowing part of the state at t0.
            args: the block in force.
            reference: `reference_rate` of the system at the start of the run.
        """


def parts_that_resolve(
    system: AbstractSplitFlow, state: PyTree, task: Task, reference: Float[Array, ""]
) -> Float[Array, ""]:
    """How many times faster than `SLACK` times the reference the parts of a state change each other."""
    slowest = jnp.maximum(SLACK * reference, jnp.finfo(reference.dtype).tiny)
    return system.exchange(state, task) / slowest


def parts_that_are_stable(system: AbstractFlow, state: PyTree, task: Task, h: Float[Array, ""]) -> Float[Array, ""]:
    """The length of a step over the longest stable one of an explicit solver."""
    return h * system.fastest_rate(state, task) / STABLE
