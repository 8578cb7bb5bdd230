"""What methods that take batches through undivided steps have in common, on lanes of XLA and in kernels."""

from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters
from ntadyn.interface.gated_linear import AbstractGatedFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.simulation.defaults import step_of
from ntadyn.simulation.lane_records import exchange, lifted
from ntadyn.simulation.method import AbstractMethod, Interval, over_lanes, slack_of_exact_steps
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid, lay_out
from ntadyn.solvers.dividing import SLACK
from ntadyn.tasks.curriculum import AbstractCurriculum


class AbstractLaneMethod(AbstractMethod):
    """Steps whose number is that of the time grid for a whole batch: none is divided.

    A trajectory whose gates and weights exchange errors faster than the steps resolve ends as `unresolved`.

    Attributes:
        refinement: factor on the number of steps of every interval of the time grid.
    """

    refinement: int = eqx.field(static=True, default=1)
    steps_batches: ClassVar[bool] = True

    def __check_init__(self):
        if self.refinement < 1:
            raise ValueError(f"refinement is {self.refinement}; it must be 1 or more.")

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

    def laid_out(self) -> "AbstractLaneMethod":
        """The method itself: it holds no step."""
        return self

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        return slack_of_exact_steps(dtype)

    def begin(self, system: AbstractGatedFlow, state: PyTree, task: Task) -> Float[Array, " lane"]:
        """The rates for which steps are chosen; these cover a large start, because steps on lanes are not divided."""

        def rate(system: AbstractGatedFlow, state: PyTree, task: Task) -> Float[Array, ""]:
            return jnp.maximum(system.reference_rate(state, task), system.exchange(state, task) / SLACK)

        return over_lanes(rate, (-1, -1, _axis_of(task)))(system, state, task)


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
    exchange_at = lifted(system)(exchange, (-1, -1, _axis_of(task)))
    # The length of steps follows from an expectation about the start, hence a factor of two.
    resolved = exchange_at(system, state, task) <= 2 * SLACK * rates
    return over_lanes(lambda ok: RESULTS.where(ok, RESULTS.successful, RESULTS.unresolved))(resolved)


def _axis_of(task: Float[Array, "..."]) -> int | None:
    """Where the lanes of a task are; None if it is common to all."""
    return -1 if task.ndim > 1 else None
