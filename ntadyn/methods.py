"""How a system is taken from one record to the next: in fixed steps, or in steps that a solver chooses."""

import abc

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.dynamics.system import AbstractSplitSystem
from ntadyn.results import RESULTS
from ntadyn.solvers import LearningTerm, Splitting
from ntadyn.solvers.dividing import AbstractDividingSolver, parts_that_are_stable, parts_that_resolve
from ntadyn.time_grid import TimeGrid

# Steps that solve gates and weights in turn keep the laws of the flow up to rounding, others up to their errors: with
# kinks an explicit step at the default length raises the energy by some 1e-3 of the largest one.
_SLACK_OF_EXACT_STEPS, _SLACK_OF_OTHERS = 1e-6, 1e-2

# A step that would have to be made in more parts is not made at all, and its trajectory ends as unresolved.
MOST_PARTS = 4096


def slack_of_exact_steps(dtype: DTypeLike) -> float:
    """How far the laws of the flow may be broken by steps that keep them."""
    return max(_SLACK_OF_EXACT_STEPS, float(jnp.finfo(dtype).eps) ** 0.5)


class AbstractMethod(eqx.Module):
    """How to step."""

    @abc.abstractmethod
    def advance(
        self, term: LearningTerm, state: PyTree, item: TimeGrid, reference: Float[Array, ""]
    ) -> tuple[PyTree, RESULTS]:
        """The state at the end of one interval of a time grid, and how that went.

        Args:
            term: system and curriculum.
            state: the state at the start.
            item: the interval.
            reference: the rate that steps are chosen for, see `solvers.dividing.reference_rate`.
        """

    @abc.abstractmethod
    def slack(self, dtype: DTypeLike) -> float:
        """How far laws of the flow may be broken, see `invariants`: rounding, or the errors of steps that break them."""

    @abc.abstractmethod
    def refined(self) -> "AbstractMethod":
        """A more accurate method, to compare with."""


class FixedSteps(AbstractMethod):
    """Equal steps of at most `max_step` inside every interval between records and switches.

    A step is made in parts where the state changes faster than the teachers alone would make it, after a large start
    for example, and where an explicit solver would leave its region of stability.

    Attributes:
        solver: any Diffrax solver; `Splitting` for kinked gate penalties, `Descent` for online learning.
        max_step: upper bound of the step; None takes `default_step`.
        refinement: every step, or part of one, is made in so many equal ones.
    """

    solver: diffrax.AbstractSolver = eqx.field(default_factory=Splitting)
    max_step: float | None = eqx.field(static=True, default=None)
    refinement: Int[Array, ""] | np.ndarray = eqx.field(default_factory=lambda: np.asarray(1, np.int32))

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        return slack_of_exact_steps(dtype) if isinstance(self.solver, Splitting) else _SLACK_OF_OTHERS

    def refined(self) -> "FixedSteps":
        """Every step in two halves."""
        return FixedSteps(self.solver, self.max_step, np.asarray(2 * self.refinement, np.int32))

    def advance(
        self, term: LearningTerm, state: PyTree, item: TimeGrid, reference: Float[Array, ""]
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`."""
        solver, one, zero = self.solver, jnp.ones_like(item.num_steps), jnp.zeros_like(item.length)
        h = item.length / jnp.maximum(item.num_steps, 1).astype(item.length.dtype)
        memory = solver.init(term.starting_at(item.start), zero, h, state, item.block)
        num_parts = self._divider(term, state, item, h, reference)

        # A whole step consists of parts, whose number is found anew at each, and a part of as many equal pieces as the
        # refinement says.
        def piece(carry):
            state, memory, result, done, left, length, pieces, is_last = carry
            start = item.start + done.astype(h.dtype) * h + (h - left)
            parts = num_parts(start, state)
            fits = ~(parts > MOST_PARTS)
            # The tolerance keeps rounding from making another part of what it leaves over.
            number = jnp.maximum(jnp.ceil(left / h * jnp.where(parts > 1, jnp.ceil(parts), 1) - 1e-3), 1)
            fresh = pieces == 0
            length = jnp.where(fresh, left / number / self.refinement.astype(h.dtype), length)
            pieces = jnp.where(fresh, self.refinement, pieces)
            is_last = jnp.where(fresh, number == 1, is_last)
            first = (done == 0) & (left == h)
            clock = term.starting_at(start)
            moved, _, _, memory, outcome = solver.step(clock, zero, length, state, item.block, memory, first)
            state = jax.tree.map(lambda new, old: jnp.where(fits, new, old), moved, state)
            outcome = RESULTS.where(fits, RESULTS.promote(outcome), RESULTS.unresolved)
            result = RESULTS.where(result == RESULTS.successful, outcome, result)
            pieces, left = pieces - one, left - length
            step_ends = is_last & (pieces == 0)
            done = jnp.where(fits, done + step_ends.astype(done.dtype), item.num_steps)
            return state, memory, result, done, jnp.where(step_ends, h, left), length, pieces, is_last

        def unfinished(carry):
            return carry[3] < item.num_steps

        start = (state, memory, RESULTS.successful, 0 * one, h, h, 0 * one, jnp.asarray(True))
        state, _, result, *_ = lax.while_loop(unfinished, piece, start)
        return state, result

    def _divider(self, term: LearningTerm, state: PyTree, item: TimeGrid, h: Array, reference: Array):
        """Of time and state: into how many parts a step is divided there."""
        solver, system = self.solver, term.system
        if isinstance(solver, AbstractDividingSolver):
            zero = jnp.zeros_like(h)
            return lambda t, y: solver.num_parts(term.starting_at(t), zero, h, y, item.block, reference)
        explicit = not isinstance(solver, diffrax.AbstractImplicitSolver)
        if not isinstance(system, AbstractSplitSystem):
            # The rate of any system costs several of its steps.
            task = term.task(item.start, item.block)
            constant = parts_that_are_stable(system, state, task, h) if explicit else jnp.ones_like(h)
            return lambda t, y: constant

        def parts(t: Array, y: PyTree) -> Float[Array, ""]:
            task = term.task(t, item.block)
            resolved = parts_that_resolve(system, y, task, reference)
            return jnp.maximum(resolved, parts_that_are_stable(system, y, task, h)) if explicit else resolved

        return parts


class Adaptive(AbstractMethod):
    """Steps chosen by the solver's own error estimate; for smooth fields only.

    A kinked gate penalty makes such solvers stall or, worse, succeed with wrong gates. A trajectory whose gates reach
    zero under a kinked penalty therefore ends with the result code `kink_met`.

    Attributes:
        solver: a Diffrax solver with an error estimate.
        rtol: relative tolerance; rounding bounds it from below.
        atol: absolute tolerance; rounding bounds it from below.
        max_steps: bound on the steps between two records.
    """

    solver: diffrax.AbstractSolver = eqx.field(default_factory=diffrax.Tsit5)
    rtol: float = 1e-8
    atol: float = 1e-10
    max_steps: int = eqx.field(static=True, default=4096)

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        del dtype
        return _SLACK_OF_OTHERS

    def refined(self) -> "Adaptive":
        """Tolerances divided by 100."""
        return Adaptive(self.solver, self.rtol / 100, self.atol / 100, 4 * self.max_steps)

    def advance(
        self, term: LearningTerm, state: PyTree, item: TimeGrid, reference: Float[Array, ""]
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`; the reference is not used."""
        del reference
        smooth = not term.system.has_kinks()

        def flat(y: PyTree) -> Array:
            return term.system.gates(y).reshape(-1)

        # A gate that starts at zero exactly and moves inwards has not met the kink; hence a threshold just below zero.
        met = diffrax.Event([lambda t, y, args, i=i, **_: flat(y)[i] + 1e-9 for i in range(flat(state).size)])
        solution = diffrax.diffeqsolve(
            term.starting_at(item.start),
            self.solver,
            jnp.zeros_like(item.length),
            item.length,
            None,
            state,
            item.block,
            stepsize_controller=diffrax.PIDController(self.rtol, self.atol),
            max_steps=self.max_steps,
            event=None if smooth else met,
            throw=False,
        )
        result = RESULTS.promote(solution.result)
        result = RESULTS.where(result == RESULTS.event_occurred, RESULTS.kink_met, result)
        return jax.tree.map(lambda leaf: leaf[-1], solution.ys), result
