"""The method that runs the splitting step on lanes, a batch of small networks at a time."""

from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters
from ntadyn.interface.gated_linear import AbstractGatedFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.simulation import lanes
from ntadyn.simulation.defaults import step_of
from ntadyn.simulation.lane_spectrum import Overlap, advance_gates, advance_weights, pulls_by_group
from ntadyn.simulation.lanes import LaneProblem, LaneState
from ntadyn.simulation.method import AbstractMethod, Interval, over_lanes, slack_of_exact_steps
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid, lay_out
from ntadyn.solvers.dividing import SLACK
from ntadyn.tasks.curriculum import AbstractCurriculum


class LaneSteps(AbstractMethod):
    """t_k = start + length (k/n)^2: the splitting step on lanes (`lane_weights`, `lane_gates`) within an interval.

    Gates move fastest after a switch; steps that grow from there cut the largest gate error in the maps of figure 5 to
    a third or less of that of as many equal steps. The last step is twice as long as the mean. Steps are not divided: a
    trajectory whose gates and weights exchange errors faster than the steps resolve ends as `unresolved`.

    Attributes:
        refinement: factor on the number of steps of every interval of the time grid.
    """

    refinement: int = eqx.field(static=True, default=1)
    steps_batches: ClassVar[bool] = True

    def __check_init__(self):
        if self.refinement < 1:
            raise ValueError(f"refinement is {self.refinement}; it must be 1 or more.")

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`; lanes run some order parameters only, see `lanes.lanes_can_run`."""
        if not lanes.lanes_can_run(system, state):
            raise ValueError(
                f"lanes run order parameters summed over rows, with few paths and tasks and with penalties that are "
                f"quadratic in every orthant, but not this {type(system).__name__}. Pass FixedSteps()."
            )

    def lay_out(
        self,
        system: AbstractSystem,
        state: PyTree,
        curriculum: AbstractCurriculum,
        records_per_block: int,
        times: Sequence[float] | np.ndarray,
    ) -> TimeGrid:
        """See `AbstractMethod.lay_out`."""
        return lay_out(curriculum, step_of(system, state, curriculum), records_per_block, times)

    def laid_out(self) -> "LaneSteps":
        """The method itself: it holds no step."""
        return self

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        return slack_of_exact_steps(dtype)

    def refined(self, dtype: DTypeLike) -> "LaneSteps":
        """The method with twice as many steps."""
        del dtype
        return type(self)(2 * self.refinement)

    def begin(self, system: AbstractGatedFlow, state: PyTree, task: Task) -> Float[Array, " lane"]:
        """The rates for which steps are chosen; these cover a large start, because steps on lanes are not divided."""

        def rate(system: AbstractGatedFlow, state: PyTree, task: Task) -> Float[Array, ""]:
            return jnp.maximum(system.reference_rate(state, task), system.exchange(state, task) / SLACK)

        return over_lanes(rate, (-1, -1, _axis_of(task)))(system, state, task)

    def advance(
        self,
        system: OrderParameters,
        curriculum: AbstractCurriculum,
        state: PyTree,
        memory: Float[Array, " lane"],
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`; trajectories that were given up run along with the others."""
        item = interval.place
        problem, on_lanes = lanes.to_lanes(system, state)
        number = item.num_steps * self.refinement
        moved = lanes.from_lanes(self.through(problem, on_lanes, curriculum, item, number))
        return moved, resolved_results(system, curriculum, moved, memory, interval)

    def through(
        self,
        problem: LaneProblem,
        state: LaneState,
        curriculum: AbstractCurriculum,
        item: TimeGrid,
        number: Int[Array, ""],
    ) -> LaneState:
        """All steps of one interval, `number` of them."""
        return _through(problem, state, curriculum, item, number)


def resolved_results(
    system: OrderParameters,
    curriculum: AbstractCurriculum,
    state: PyTree,
    rates: Float[Array, " lane"],
    interval: Interval,
) -> RESULTS:
    """Result codes of a batch: whether gates and weights exchange errors slowly enough for the steps.

    Args:
        system: a batch of systems, trajectories along the last axis.
        curriculum: which task is in force when.
        state: their states at the end of an interval.
        rates: those that the steps were chosen for.
        interval: the interval.
    """
    task = curriculum.task(interval.place.block, interval.place.end)
    exchange_at = over_lanes(lambda system, state, task: system.exchange(state, task), (-1, -1, _axis_of(task)))
    # The length of steps follows from an expectation about the start, hence a factor of two.
    resolved = exchange_at(system, state, task) <= 2 * SLACK * rates
    return over_lanes(lambda ok: RESULTS.where(ok, RESULTS.successful, RESULTS.unresolved))(resolved)


def _axis_of(task: Float[Array, "..."]) -> int | None:
    """Where the lanes of a task are; None if it is common to all."""
    return -1 if task.ndim > 1 else None


def task_at(curriculum: AbstractCurriculum, item: TimeGrid, t: Float[Array, ""]) -> list[Array]:
    """The weight of each teacher in the task at time t of an interval."""
    weights = curriculum.task(item.block, t)
    return [weights[m] for m in range(weights.shape[0])]


def _through(
    problem: LaneProblem,
    state: LaneState,
    curriculum: AbstractCurriculum,
    item: TimeGrid,
    number: Int[Array, ""],
) -> LaneState:
    """All steps of one interval."""
    unit = item.length / jnp.maximum(number, 1).astype(item.length.dtype) ** 2

    def length(k: Int[Array, ""]) -> Float[Array, ""]:
        """t_k - t_{k-1}, the length of the k-th step, counted from 1; zero before the first and after the last."""
        return jnp.where((k >= 1) & (k <= number), (2 * k - 1).astype(unit.dtype) * unit, jnp.zeros_like(unit))

    def task(t: Float[Array, ""]) -> list[Array]:
        return task_at(curriculum, item, t)

    varies = curriculum.varies_within_blocks()

    # Weights for no time, gates for half a step; weights, gates; ...; weights, gates for half a step: the second half
    # of a gate step and the first half of the next one are taken together.
    def step(k: Int[Array, ""] | int, carry: tuple[LaneState, list[Overlap]]) -> tuple[LaneState, list[Overlap]]:
        state, pull = carry
        k = jnp.asarray(k, number.dtype)  # a plain number if jit is disabled
        now, done = item.start + k.astype(unit.dtype) ** 2 * unit, length(k)
        of_weights, of_gates = (task(now - 0.5 * done), task(now)) if varies else (constant, constant)
        pull = pulls_by_group(problem, state, of_weights) if varies else pull
        state, pull = advance_weights(problem, state, pull, of_weights, done)
        pull = pulls_by_group(problem, state, of_gates) if varies else pull
        return advance_gates(problem, state, pull, of_gates, 0.5 * (done + length(k + 1)))

    constant = task(item.start)
    rounds = jnp.where(number > 0, number + 1, 0)
    return lax.fori_loop(jnp.zeros_like(rounds), rounds, step, (state, pulls_by_group(problem, state, constant)))[0]
