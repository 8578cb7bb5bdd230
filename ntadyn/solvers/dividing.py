"""Steps that are made in parts where the state is faster than what the length of the steps was chosen for."""

import abc
from typing import Any

import diffrax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.system import AbstractSplitSystem, AbstractSystem, TaskWeights
from ntadyn.solvers.term import LearningTerm

# Steps are chosen for the exchange of gates and weights that the teachers drive; a state that exchanges this many times
# faster divides them. On the published runs the largest ratio is 2.8.
SLACK = 3.0
# The longest explicit step times the fastest rate. The steps of Euler, Heun and higher orders are stable up to 2, where
# they no longer damp; here both leave less than 0.63 of a mode.
STABLE = 1.5
# Where all teachers are zero, or nearly, the start sets the scale.
_SHARE_OF_START = 1e-3


class AbstractDividingSolver(diffrax.AbstractSolver):
    """A solver that knows how finely it has to step from a state."""

    @abc.abstractmethod
    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Into how many parts a step is to be divided; not rounded, and less than one where it need not be.

        Args:
            terms: system and curriculum.
            t0: where the step starts.
            t1: where it would end.
            y0: the state at t0.
            args: the block in force.
            reference: `reference_rate` of the run.
        """


def reference_rate(system: AbstractSystem, state: PyTree, task: TaskWeights) -> Float[Array, ""]:
    """The rate that steps are chosen for: the exchange of gates and weights that the teachers drive.

    One for a system that does not split into gates and weights: nothing there asks for it.

    Args:
        system: the system.
        state: its initial state.
        task: the task at the start.
    """
    if not isinstance(system, AbstractSplitSystem):
        return jnp.ones((), system.tasks.teachers.dtype)
    return jnp.maximum(system.teacher_rate(), _SHARE_OF_START * system.rates(state, task).exchange)


def parts_that_resolve(
    system: AbstractSplitSystem, state: PyTree, task: TaskWeights, reference: Float[Array, ""]
) -> Float[Array, ""]:
    """How many times faster than `SLACK` times the reference gates and weights exchange error."""
    slowest = jnp.maximum(SLACK * reference, jnp.finfo(reference.dtype).tiny)
    return system.rates(state, task).exchange / slowest


def parts_that_are_stable(
    system: AbstractSystem, state: PyTree, task: TaskWeights, h: Float[Array, ""]
) -> Float[Array, ""]:
    """The length of a step over the longest stable one of an explicit solver."""
    return h * system.fastest_rate(state, task) / STABLE
