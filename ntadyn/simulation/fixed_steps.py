"""Equal steps between records, divided where the state is faster than they resolve."""

from collections.abc import Callable, Sequence
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.loops import EventSearch, bounded_loop, plain_loop
from ntadyn.interface.split_flow import AbstractSplitFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.simulation.defaults import step_of
from ntadyn.simulation.error_estimate import steps_resolve
from ntadyn.simulation.method import (
    SLACK_OF_OTHERS,
    AbstractMethod,
    Interval,
    check_flows,
    longest_step,
    slack_of_exact_steps,
)
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid, lay_out
from ntadyn.solvers import LearningTerm, LorentzBoost, Splitting
from ntadyn.solvers.dividing import AbstractDividingSolver, parts_that_are_stable, parts_that_resolve
from ntadyn.solvers.splitting import SplittingInARow
from ntadyn.tasks.curriculum import AbstractCurriculum

# The shortest part of a graded first step, as a share of the step.
_FIRST_PART = 2.0**-12

# A step that needs more parts is not made at all, and its trajectory ends as unresolved.
MOST_PARTS = 4096


class FixedSteps(AbstractMethod):
    """Equal steps of at most `max_step` inside every interval between records and switches.

    A step is divided where the state changes faster than the tasks alone would make it, for example after a large
    start, and where an explicit solver would leave its region of stability.

    Attributes:
        solver: any Diffrax solver; None takes the system's default, `Splitting` for kinked gate penalties.
        max_step: upper bound on the step; None takes the system's default.
        refinement: number of equal pieces in which every step, or part of a step, is made.
        graded: whether the first step of a block is made in parts that begin short and double. Gates that are much
            faster than the steps settle within one, unnoticed by the weights; halving equal steps does not show that.
        reverse_steps: the most parts of steps between two records. A number makes reverse-mode differentiation possible
            (`jax.grad`), and forward mode impossible; if more are needed, the trajectory ends as `max_steps_reached`.
    """

    solver: diffrax.AbstractSolver | None = None
    max_step: float | None = eqx.field(static=True, default=None)
    refinement: int | Int[Array, ""] = 1
    graded: bool = eqx.field(static=True, default=False)
    reverse_steps: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if isinstance(self.refinement, int) and self.refinement < 1:
            raise ValueError(f"refinement is {self.refinement}; it must be 1 or more.")
        if self.reverse_steps is not None and self.reverse_steps < 1:
            raise ValueError(f"reverse_steps is {self.reverse_steps}; allow at least one step, or give None.")

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`."""
        check_flows(self, system, self.solver)
        if isinstance(self.solver, AbstractDividingSolver):
            self.solver.check(system)

    def fitted(self, system: AbstractFlow, state: PyTree) -> "FixedSteps":
        """See `AbstractMethod.fitted`."""
        solver = system.default_solver(state) if self.solver is None else self.solver
        solver = with_loops(solver, plain_loop if self.reverse_steps is None else bounded_loop)
        return FixedSteps(solver, self.max_step, self.refinement, self.graded, self.reverse_steps)

    def lay_out(
        self,
        system: AbstractSystem,
        state: PyTree,
        curriculum: AbstractCurriculum,
        records_per_block: int,
        times: Sequence[float] | np.ndarray,
    ) -> TimeGrid:
        """See `AbstractMethod.lay_out`."""
        step = step_of(system, state, curriculum) if self.max_step is None else self.max_step
        return lay_out(curriculum, step, records_per_block, times)

    def laid_out(self) -> "FixedSteps":
        """The method without its step, and with its refinement as data."""
        return FixedSteps(self.solver, None, jnp.asarray(self.refinement), self.graded, self.reverse_steps)

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        return slack_of_exact_steps(dtype) if isinstance(self.solver, Splitting) else SLACK_OF_OTHERS

    def refined(self, dtype: DTypeLike) -> "FixedSteps":
        """The method with every step in two halves, and the first step of a block graded."""
        del dtype
        bound = None if self.reverse_steps is None else 2 * self.reverse_steps
        return FixedSteps(self.solver, self.max_step, 2 * self.refinement, True, bound)

    def resolves(self, system: AbstractFlow, state: PyTree, task: Task, grid: TimeGrid) -> Bool[Array, ""]:
        """See `AbstractMethod.resolves`; flows that do not split into parts count as resolved."""
        if not isinstance(system, AbstractSplitFlow):
            return jnp.asarray(True)
        return steps_resolve(longest_step(grid), system.reference_rate(state, task))

    def begin(self, system: AbstractFlow, state: PyTree, task: Task) -> Float[Array, ""]:
        """The rate for which the length of steps was chosen."""
        return system.reference_rate(state, task)

    def advance(
        self,
        system: AbstractFlow,
        curriculum: AbstractCurriculum,
        state: PyTree,
        memory: Float[Array, ""],
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`."""
        item = interval.place
        solver, one, zero = self._fitted_solver(), jnp.ones_like(item.num_steps), jnp.zeros_like(item.length)
        # A subclass may make its steps in another way.
        if type(solver) is Splitting and not curriculum.varies_within_blocks():
            solver = SplittingInARow(solver)
        # An interval that is given up has no length either, so that no rates are computed from a state that may be NaN.
        length, num_steps = (jnp.where(interval.goes_on, span, 0) for span in (item.length, item.num_steps))
        item = eqx.tree_at(lambda item: (item.length, item.num_steps), item, (length, num_steps))
        term, y = LearningTerm.of(system, curriculum, state)
        refinement = jnp.asarray(self.refinement, one.dtype)
        h = item.length / jnp.maximum(item.num_steps, 1).astype(item.length.dtype)
        first_memory = solver.init(term.starting_at(item.start), zero, h, y, item.block)
        num_parts = self._divider(solver, term, y, item, h, memory)

        # A step consists of parts, whose number is found anew at each part, and a part of `refinement` equal pieces.
        def piece(carry):
            y, memory, result, done, left, length, pieces, is_last = carry
            makes_up = done >= item.num_steps  # for what `SplittingInARow` has left out
            start = item.start + done.astype(h.dtype) * h + (h - left)
            parts = num_parts(start, y)
            fits = ~(parts > MOST_PARTS) | makes_up
            # The tolerance keeps a remainder due to rounding from becoming another part.
            number = jnp.maximum(jnp.ceil(left / h * jnp.where(parts > 1, jnp.ceil(parts), 1) - 1e-3), 1)
            fresh = pieces == 0
            length = jnp.where(fresh, left / number / refinement.astype(h.dtype), length)
            pieces = jnp.where(fresh, refinement, pieces)
            is_last = jnp.where(fresh, number == 1, is_last)
            if self.graded:
                gone = h - left
                growing = jnp.where(gone == 0, _FIRST_PART * h, gone)
                grows = fresh & interval.begins_block & (done == 0) & (growing < length)
                length, pieces = jnp.where(grows, growing, length), jnp.where(grows, one, pieces)
                is_last = is_last & ~grows
            first = (done == 0) & (left == h)
            clock = term.starting_at(start)
            span = jnp.where(makes_up, 0, length)
            step: Any = solver.step(clock, zero, span, y, item.block, memory, first)
            moved, _, _, after, outcome = step
            y = jax.tree.map(lambda new, old: jnp.where(fits, new, old), moved, y)
            # Nothing is made up for where a run is given up.
            memory = jnp.where(fits, after, 0) if isinstance(solver, SplittingInARow) else after
            outcome = RESULTS.where(fits, RESULTS.promote(outcome), RESULTS.unresolved)
            result = RESULTS.where(result == RESULTS.successful, outcome, result)
            pieces, left = pieces - one, left - length
            step_ends = is_last & (pieces == 0)
            done = jnp.where(fits, done + step_ends.astype(done.dtype), item.num_steps)
            return y, memory, result, done, jnp.where(step_ends, h, left), length, pieces, is_last

        def unfinished(carry):
            _, memory, _, done, *_ = carry
            more = done < item.num_steps
            return more | (memory > 0) if isinstance(solver, SplittingInARow) else more

        start = (y, first_memory, RESULTS.successful, 0 * one, h, h, 0 * one, jnp.asarray(True))
        while_loop, most = (plain_loop, None) if self.reverse_steps is None else (bounded_loop, self.reverse_steps + 1)
        y, _, result, done, *_ = while_loop(unfinished, piece, start, most)
        if self.reverse_steps is not None:
            short: Any = RESULTS.max_steps_reached  # a name of Diffrax, which type checkers take for its class
            result = RESULTS.where(done < item.num_steps, short, result)
        return term.whole(y), result

    def _fitted_solver(self) -> diffrax.AbstractSolver:
        if self.solver is None:
            raise ValueError("FixedSteps has no solver; pass one, or call `fitted` with a system first.")
        return self.solver

    def _divider(
        self, solver: diffrax.AbstractSolver, term: LearningTerm, y: PyTree, item: TimeGrid, h: Array, reference: Array
    ) -> Callable[[Array, PyTree], Array]:
        """A function (time, flowing part of a state) -> number of parts into which a step is divided there."""
        system = term.system
        if isinstance(solver, AbstractDividingSolver):
            zero = jnp.zeros_like(h)
            return lambda t, y: solver.num_parts(term.starting_at(t), zero, h, y, item.block, reference)
        explicit = not isinstance(solver, diffrax.AbstractImplicitSolver)
        if not isinstance(system, AbstractSplitFlow):
            # The rate of a general system costs as much as several steps, so it is taken once per interval.
            task = term.task(item.start, item.block)
            constant = parts_that_are_stable(system, term.whole(y), task, h) if explicit else jnp.ones_like(h)
            return lambda t, y: constant

        def parts(t: Array, y: PyTree) -> Float[Array, ""]:
            task, state = term.task(t, item.block), term.whole(y)
            resolved = parts_that_resolve(system, state, task, reference)
            return jnp.maximum(resolved, parts_that_are_stable(system, state, task, h)) if explicit else resolved

        return parts


def with_loops(solver: diffrax.AbstractSolver, while_loop: Callable) -> diffrax.AbstractSolver:
    """A solver whose inner loops can be differentiated in one mode.

    Args:
        solver: any Diffrax solver.
        while_loop: `plain_loop` for forward mode, `bounded_loop` for reverse mode.

    Returns:
        A solver that makes the same steps.
    """
    if isinstance(solver, Splitting | LorentzBoost):
        return eqx.tree_at(lambda solver: solver.search, solver, EventSearch(solver.search.max_pieces, while_loop))
    if isinstance(solver, diffrax.AbstractRungeKutta) and solver.scan_kind is None:
        kind = "lax" if while_loop is plain_loop else "checkpointed"
        return eqx.tree_at(lambda solver: solver.scan_kind, solver, kind, is_leaf=lambda leaf: leaf is None)
    return solver
