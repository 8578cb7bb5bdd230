"""Steps chosen by the error estimate of the solver."""

from collections.abc import Sequence

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.gated_linear import AbstractGatedLinear
from ntadyn.interface.loops import bounded_loop, plain_loop
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.simulation.fixed_steps import with_loops
from ntadyn.simulation.method import SLACK_OF_OTHERS, AbstractMethod, Interval, check_flows
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid, lay_out
from ntadyn.solvers import LearningTerm
from ntadyn.tasks.curriculum import AbstractCurriculum


class Adaptive(AbstractMethod):
    """Steps chosen by the error estimate of the solver; for smooth fields only.

    A kinked gate penalty makes such solvers stall or, worse, succeed with wrong gates. A trajectory whose gates reach
    zero under a kinked penalty therefore ends with the result code `kink_met`.

    Attributes:
        solver: a Diffrax solver with an error estimate.
        rtol: relative tolerance; rounding bounds it from below.
        atol: absolute tolerance; rounding bounds it from below.
        max_steps: the most steps between two records.
        reverse_mode: True for differentiation in reverse mode (`jax.grad`), False for forward mode.
    """

    solver: diffrax.AbstractSolver = eqx.field(default_factory=diffrax.Tsit5)
    rtol: float = 1e-8
    atol: float = 1e-10
    max_steps: int = eqx.field(static=True, default=2**16)
    reverse_mode: bool = eqx.field(static=True, default=False)

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`."""
        del state
        check_flows(self, system, self.solver)

    def lay_out(
        self,
        system: AbstractSystem,
        state: PyTree,
        curriculum: AbstractCurriculum,
        records_per_block: int,
        times: Sequence[float] | np.ndarray,
    ) -> TimeGrid:
        """A grid of records and switches alone."""
        del system, state
        return lay_out(curriculum, np.inf, records_per_block, times)

    def laid_out(self) -> "Adaptive":
        """The method itself: the time grid has taken nothing from it."""
        return self

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        del dtype
        return SLACK_OF_OTHERS

    def refined(self, dtype: DTypeLike) -> "Adaptive":
        """The method with tolerances divided by 100, or multiplied if rounding leaves no room to divide."""
        rtol, _ = self._tolerances(dtype)
        factor = 100 if rtol / 100 < _least_tolerance(dtype) else 0.01
        return Adaptive(self.solver, rtol * factor, self.atol * factor, 4 * self.max_steps, self.reverse_mode)

    def _tolerances(self, dtype: DTypeLike) -> tuple[float, float]:
        least = _least_tolerance(dtype)
        return max(self.rtol, least), max(self.atol, 0.01 * least)

    def begin(self, system: AbstractSystem, state: PyTree, task: Task) -> None:
        """None: nothing of the start is needed."""
        del system, state, task

    def advance(
        self,
        system: AbstractFlow,
        curriculum: AbstractCurriculum,
        state: PyTree,
        memory: None,
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`; steps are chosen by their error alone."""
        del memory
        place = interval.place
        term, y = LearningTerm.of(system, curriculum, state)
        solution = diffrax.diffeqsolve(
            term.starting_at(place.start),
            with_loops(self.solver, bounded_loop if self.reverse_mode else plain_loop),
            jnp.zeros_like(place.length),
            jnp.where(interval.goes_on, place.length, 0),
            None,
            y,
            place.block,
            stepsize_controller=diffrax.PIDController(*self._tolerances(place.end.dtype)),
            max_steps=self.max_steps,
            adjoint=diffrax.RecursiveCheckpointAdjoint() if self.reverse_mode else diffrax.ForwardMode(),
            event=_kink(term, state),
            throw=False,
        )
        result = RESULTS.promote(solution.result)
        result = RESULTS.where(result == RESULTS.event_occurred, RESULTS.kink_met, result)
        return term.whole(jax.tree.map(lambda leaf: leaf[-1], solution.ys)), result


def _kink(term: LearningTerm, state: PyTree) -> diffrax.Event | None:
    """The event of a gate at zero under a penalty with a kink; None if there are no such kinks."""
    system = term.system
    if not (isinstance(system, AbstractGatedLinear) and system.has_kinks()):
        return None

    def gates(y: PyTree) -> Array:
        return system.gates(term.whole(y)).reshape(-1)

    # A gate that starts at exactly zero and moves inwards has not met the kink; hence a threshold just below zero.
    number = system.gates(state).size
    return diffrax.Event([lambda t, y, args, i=i, **_: gates(y)[i] + 1e-9 for i in range(number)])


def _least_tolerance(dtype: DTypeLike) -> float:
    """The relative tolerance below which rounding decides whether a step is accepted."""
    return 16 * float(jnp.finfo(dtype).eps)
