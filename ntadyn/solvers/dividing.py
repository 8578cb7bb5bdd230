"""Steps that are divided into parts where the state changes faster than their length was chosen for."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import diffrax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.split_flow import AbstractSplitFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.solvers.term import LearningTerm

# Steps are chosen for the exchange of gates and weights that the teachers drive, and divided where a state exchanges
# this many times faster. On the published runs the largest ratio is 2.8.
SLACK = 3.0
# The longest explicit step times the fastest rate. The steps of Euler, Heun and higher orders are stable up to 2, where
# they no longer damp a mode; at this value they all leave less than 0.63 of it.
STABLE = 1.5


class AbstractDividingSolver(diffrax.AbstractSolver):
    """A solver of second order that knows how finely a step from a state has to be divided.

    Attributes:
        moves_by: names of the methods of a system that it calls.
    """

    moves_by: ClassVar[tuple[str, ...]] = ("vector_field",)

    term_structure: ClassVar = LearningTerm
    interpolation_cls: ClassVar[Callable[..., diffrax.LocalLinearInterpolation]] = diffrax.LocalLinearInterpolation

    def order(self, terms: LearningTerm) -> int:
        """2."""
        del terms
        return 2

    @abc.abstractmethod
    def check(self, system: AbstractSystem) -> None:
        """Refuse a system that this solver cannot step.

        Args:
            system: any system; only types matter.

        Raises:
            ValueError: if it is refused.
        """

    def init(self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any) -> None:
        """None, because nothing is remembered between steps; refuses what `check` refuses."""
        del t0, t1, y0, args
        self.check(terms.system)

    def step(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, solver_state: Any, made_jump: Any
    ) -> tuple[PyTree, None, dict[str, PyTree], Any, diffrax.RESULTS]:
        """`advanced`, in the form that Diffrax asks for; the error is not estimated."""
        del made_jump
        y1, memory = self.advanced(terms, t0, t1, y0, args, solver_state)
        return y1, None, {"y0": y0, "y1": y1}, memory, diffrax.RESULTS.successful

    def func(self, terms: LearningTerm, t0: Any, y0: PyTree, args: Any) -> PyTree:
        """The vector field, from which Diffrax chooses a first step."""
        return terms.vf(t0, y0, args)

    @abc.abstractmethod
    def advanced(self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, memory: Any) -> tuple[PyTree, Any]:
        """The flowing part of the state after one undivided step, and what the next one has to know.

        Args:
            terms: system and curriculum.
            t0: time at which the step starts.
            t1: time at which it ends.
            y0: the flowing part of the state at t0.
            args: the block in force.
            memory: what `init` or the step before returned.
        """

    @abc.abstractmethod
    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """The number of parts into which a step has to be divided; not rounded, and below one if it need not be.

        Args:
            terms: system and curriculum.
            t0: time at which the step starts.
            t1: time at which it would end undivided.
            y0: the flowing part of the state at t0.
            args: the block in force.
            reference: `reference_rate` of the system at the start of the run, per unit of time.
        """


def parts_that_resolve(
    system: AbstractSplitFlow, state: PyTree, task: Task, reference: Float[Array, ""]
) -> Float[Array, ""]:
    """The rate at which the parts of a state change each other, over `SLACK` times the reference rate."""
    slowest = jnp.maximum(SLACK * reference, jnp.finfo(reference.dtype).tiny)
    return system.exchange(state, task) / slowest


def parts_that_are_stable(system: AbstractFlow, state: PyTree, task: Task, h: Float[Array, ""]) -> Float[Array, ""]:
    """The length h of a step over that of the longest stable step of an explicit solver."""
    return h * system.fastest_rate(state, task) / STABLE
