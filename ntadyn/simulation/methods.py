"""How a system is taken from one record to the next: in fixed steps, or in steps that a solver chooses."""

import abc

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.dynamics.rates import rate_of_teachers
from ntadyn.dynamics.system import AbstractGatedSystem, AbstractSplitSystem, AbstractSystem, AbstractUpdatingSystem
from ntadyn.limits import STEP_OF_EXCHANGE
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.solvers import Descent, LearningTerm, SlidingHeun, Splitting
from ntadyn.solvers.dividing import (
    AbstractDividingSolver,
    parts_that_are_stable,
    parts_that_resolve,
    reference_rate,
)

# Steps that solve gates and weights in turn keep the laws of the flow up to rounding, others up to their errors: with
# kinks an explicit step at the default length raises the energy by some 1e-3 of the largest one.
_SLACK_OF_EXACT_STEPS, _SLACK_OF_OTHERS = 1e-6, 1e-2

# The default step where nothing moves.
_LONGEST_STEP = 1e10

# Where the first step of a block is graded: its shortest part.
_FIRST_PART = 2.0**-12

# The cost of `Splitting` grows with the cube of the number of gates. With 18 of them it already takes four times as
# long as `SlidingHeun` to the same accuracy, but up to here it takes any step and any penalty in a reasonable time.
MANY_GATES = 32

# A step that would have to be made in more parts is not made at all, and its trajectory ends as unresolved.
MOST_PARTS = 4096


def slack_of_exact_steps(dtype: DTypeLike) -> float:
    """How far the laws of the flow may be broken by steps that keep them."""
    return max(_SLACK_OF_EXACT_STEPS, float(jnp.finfo(dtype).eps) ** 0.5)


class AbstractMethod(eqx.Module):
    """How to step."""

    @abc.abstractmethod
    def advance(
        self,
        term: LearningTerm,
        state: PyTree,
        item: TimeGrid,
        reference: Float[Array, ""],
        begins_block: Bool[Array, ""],
    ) -> tuple[PyTree, RESULTS]:
        """The state at the end of one interval of a time grid, and how that went.

        Args:
            term: system and curriculum.
            state: the state at the start.
            item: the interval.
            reference: the rate that steps are chosen for, see `solvers.dividing.reference_rate`.
            begins_block: whether it is the first one of a block.
        """

    @abc.abstractmethod
    def slack(self, dtype: DTypeLike) -> float:
        """How far laws of the flow may be broken, see `invariants`: by rounding, or by the errors of a step."""

    @abc.abstractmethod
    def refined(self, dtype: DTypeLike) -> "AbstractMethod":
        """A method of another accuracy, to compare with: what the two differ by is the error of the less accurate."""


class FixedSteps(AbstractMethod):
    """Equal steps of at most `max_step` inside every interval between records and switches.

    A step is made in parts where the state changes faster than the teachers alone would make it, after a large start
    for example, and where an explicit solver would leave its region of stability.

    Attributes:
        solver: any Diffrax solver; `Splitting` for kinked gate penalties, `Descent` for online learning.
        max_step: upper bound of the step; None takes `default_step`.
        refinement: every step, or part of one, is made in so many equal ones.
        graded: the first step of a block is made in parts that begin short and double. Gates that are much faster than
            steps move within them, where weights do not feel it; equal steps tell nothing of that when they are halved.
    """

    solver: diffrax.AbstractSolver = eqx.field(default_factory=Splitting)
    max_step: float | None = eqx.field(static=True, default=None)
    refinement: int | Int[Array, ""] = 1
    graded: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        if isinstance(self.refinement, int) and self.refinement < 1:
            raise ValueError(f"refinement is {self.refinement}; every step is made in one part or more.")

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        return slack_of_exact_steps(dtype) if isinstance(self.solver, Splitting) else _SLACK_OF_OTHERS

    def refined(self, dtype: DTypeLike) -> "FixedSteps":
        """Every step in two halves, and the first one of a block graded."""
        del dtype
        return FixedSteps(self.solver, self.max_step, 2 * self.refinement, graded=True)

    def advance(
        self,
        term: LearningTerm,
        state: PyTree,
        item: TimeGrid,
        reference: Float[Array, ""],
        begins_block: Bool[Array, ""],
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`."""
        solver, one, zero = self.solver, jnp.ones_like(item.num_steps), jnp.zeros_like(item.length)
        refinement = jnp.asarray(self.refinement, one.dtype)
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
            length = jnp.where(fresh, left / number / refinement.astype(h.dtype), length)
            pieces = jnp.where(fresh, refinement, pieces)
            is_last = jnp.where(fresh, number == 1, is_last)
            if self.graded:
                gone = h - left
                growing = jnp.where(gone == 0, _FIRST_PART * h, gone)
                grows = fresh & begins_block & (done == 0) & (growing < length)
                length, pieces = jnp.where(grows, growing, length), jnp.where(grows, one, pieces)
                is_last = is_last & ~grows
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
    max_steps: int = eqx.field(static=True, default=2**16)

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        del dtype
        return _SLACK_OF_OTHERS

    def refined(self, dtype: DTypeLike) -> "Adaptive":
        """Tolerances divided by 100; multiplied where rounding leaves no room for that."""
        rtol, _ = self._tolerances(dtype)
        factor = 100 if rtol / 100 < _least_tolerance(dtype) else 0.01
        return Adaptive(self.solver, rtol * factor, self.atol * factor, 4 * self.max_steps)

    def _tolerances(self, dtype: DTypeLike) -> tuple[float, float]:
        least = _least_tolerance(dtype)
        return max(self.rtol, least), max(self.atol, 0.01 * least)

    def advance(
        self,
        term: LearningTerm,
        state: PyTree,
        item: TimeGrid,
        reference: Float[Array, ""],
        begins_block: Bool[Array, ""],
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`; steps are chosen by their error alone."""
        del reference, begins_block
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
            stepsize_controller=diffrax.PIDController(*self._tolerances(item.end.dtype)),
            max_steps=self.max_steps,
            event=None if smooth else met,
            throw=False,
        )
        result = RESULTS.promote(solution.result)
        result = RESULTS.where(result == RESULTS.event_occurred, RESULTS.kink_met, result)
        return jax.tree.map(lambda leaf: leaf[-1], solution.ys), result


def _least_tolerance(dtype: DTypeLike) -> float:
    """Below this, relative to one, steps are accepted or rejected by rounding."""
    return 16 * float(jnp.finfo(dtype).eps)


def method_for(system: AbstractSystem, state: PyTree, max_step: float | None = None) -> AbstractMethod:
    """The method that suits a system, for those who do not choose one.

    Args:
        system: the rule.
        state: a state of it; only its shapes are looked at.
        max_step: upper bound of the step, or None.

    Returns:
        Fixed steps, with `Splitting` for few gates, `SlidingHeun` for many with kinks, `Descent` for updates, and
        Heun's for other rules with kinks; `Adaptive` for what is smooth, unless a step is asked for.
    """
    if isinstance(system, AbstractUpdatingSystem):
        return FixedSteps(Descent(), max_step)
    if isinstance(system, AbstractSplitSystem):
        many = isinstance(system, AbstractGatedSystem) and _num_gates(system, state) > MANY_GATES
        if not many or "weights" in system.penalties:
            return FixedSteps(Splitting(), max_step)
        return Adaptive() if max_step is None and not system.has_kinks() else FixedSteps(SlidingHeun(), max_step)
    return Adaptive() if max_step is None and not system.has_kinks() else FixedSteps(diffrax.Heun(), max_step)


def _is_traced(tree: PyTree) -> bool:
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree))


def _num_gates(system: AbstractSystem, state: PyTree) -> int:
    try:
        return jax.eval_shape(system.gates, state).size
    except Exception:  # a state that does not fit, which `check` refuses with a message of its own
        return 0


def default_step(system: AbstractSystem, state: PyTree = None) -> float:
    """A step that keeps the gate error of `Splitting` below 1e-3 on the published regimes.

    h = 0.0125 / r with r = max_m |W*^m Sigma| / sqrt(tau_c tau_W), the rate at which gates and weights exchange error:
    that is what a splitting step has to resolve; faster rates are solved exactly inside its factors, and where a state
    is faster than the teachers `FixedSteps` divides the step. With batched time constants or teachers the smallest
    step. For a system that does not split, r is its fastest rate at the start, under any task.

    Args:
        system: the system, made of known numbers.
        state: the initial state; may be left out, or traced, for systems that split: it only matters where all teachers
            are zero.

    Returns:
        h in the caller's unit of time.

    Raises:
        ValueError: if numbers are traced (pass `max_step` then), or the state is needed and left out.
    """
    if _is_traced(system):
        raise ValueError(
            "the default step needs a system of known numbers; inside jit or vmap pass max_step explicitly."
        )
    known = state is not None and not _is_traced(state)
    # What is known outside of jit is a number inside of it, too.
    with jax.ensure_compile_time_eval():
        fastest = max(float(np.max(rate)) for rate in _rates(system, state if known else None))
    return STEP_OF_EXCHANGE / max(fastest, STEP_OF_EXCHANGE / _LONGEST_STEP)


def _rates(system: AbstractSystem, state: PyTree) -> list[Array]:
    tasks = jnp.eye(system.tasks.num_tasks, dtype=system.tasks.teachers.dtype)
    if isinstance(system, AbstractUpdatingSystem):
        return [rate_of_teachers(system.tasks.teachers, system.time_constants)]
    if isinstance(system, AbstractSplitSystem):
        return [system.teacher_rate(), *([] if state is None else [reference_rate(system, state, tasks[0])])]
    if state is None:
        raise ValueError(
            f"the default step of a {type(system).__name__}, which does not split into gates and weights, needs a "
            f"known initial state; inside jit or vmap pass max_step explicitly."
        )
    return [system.fastest_rate(state, task) for task in tasks]
