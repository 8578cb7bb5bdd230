"""The splitting step on lanes as a method: a batch of small networks at a time."""

from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import jax
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
from ntadyn.simulation.lanes import LaneProblem, LaneState
from ntadyn.simulation.method import AbstractMethod, Interval, slack_of_exact_steps
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid, lay_out
from ntadyn.solvers.dividing import SLACK
from ntadyn.tasks.curriculum import AbstractCurriculum


class LaneSteps(AbstractMethod):
    """The splitting step on lanes, see `ntadyn.simulation.lanes`: t_k = start + length (k/n)^2 within an interval.

    Gates move fastest after a switch; steps that grow from there cut the largest gate error of figure 5's maps to a
    third or less of what as many equal steps leave. The last step is twice as long as the mean. Steps are not divided:
    a trajectory whose gates and weights exchange errors faster than they resolve ends as `unresolved`.

    Attributes:
        refinement: every interval gets so many times the steps of its time grid.
    """

    refinement: int = eqx.field(static=True, default=1)
    steps_batches: ClassVar[bool] = True

    def __check_init__(self):
        if self.refinement < 1:
            raise ValueError(f"refinement is {self.refinement}; every interval needs at least its own steps.")

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """Raise ValueError for a system that lanes are not written for."""
        if not lanes.lanes_can_run(system, state):
            raise ValueError(
                f"lanes run order parameters summed over rows, of few paths and tasks, with penalties that are "
                f"quadratic in every orthant; got a {type(system).__name__}. Pass FixedSteps()."
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
        """Itself: it holds no step."""
        return self

    def slack(self, dtype: DTypeLike) -> float:
        """See `AbstractMethod.slack`."""
        return slack_of_exact_steps(dtype)

    def refined(self, dtype: DTypeLike) -> "LaneSteps":
        """Twice the steps."""
        del dtype
        return LaneSteps(2 * self.refinement)

    def begin(self, system: AbstractGatedFlow, state: PyTree, task: Task) -> Float[Array, " lane"]:
        """The rates that steps are chosen for, which unlike others are not divided after a large start."""

        def rate(system: AbstractGatedFlow, state: PyTree) -> Float[Array, ""]:
            return jnp.maximum(system.reference_rate(state, task), system.exchange(state, task) / SLACK)

        return jax.vmap(rate)(system, state)

    def advance(
        self,
        system: OrderParameters,
        curriculum: AbstractCurriculum,
        state: PyTree,
        memory: Float[Array, " lane"],
        interval: Interval,
    ) -> tuple[PyTree, RESULTS]:
        """See `AbstractMethod.advance`; what was given up runs along with the others."""
        item = interval.place
        problem, on_lanes = lanes.to_lanes(system, state)
        number = item.num_steps * self.refinement
        moved = lanes.from_lanes(_through(problem, on_lanes, curriculum, item, number))
        task = curriculum.task(item.block, item.end)
        exchange = jax.vmap(lambda system, state: system.exchange(state, task))(system, moved)
        # The start sets the length of steps by an expectation, hence a factor of two.
        resolved = exchange <= 2 * SLACK * memory
        return moved, jax.vmap(lambda ok: RESULTS.where(ok, RESULTS.successful, RESULTS.unresolved))(resolved)


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
        """Of the k-th step of n, counted from 1: t_k - t_{k-1}; nothing before the first and after the last."""
        return jnp.where((k >= 1) & (k <= number), (2 * k - 1).astype(unit.dtype) * unit, jnp.zeros_like(unit))

    # Weights for no time, gates for half a step; weights, gates; ...; weights, gates for half a step: the second half
    # of a step of the gates and the first half of the next one are one.
    def step(k: Int[Array, ""] | int, state: LaneState) -> LaneState:
        k = jnp.asarray(k, number.dtype)  # where jit is disabled, it is Python's
        now, done = item.start + k.astype(unit.dtype) ** 2 * unit, length(k)
        state = lanes.relax_weights(problem, state, _task(curriculum, item, now - 0.5 * done), done)
        gates = lanes.flow_gates(problem, state, _task(curriculum, item, now), 0.5 * (done + length(k + 1)))
        return state._replace(gates=gates)

    rounds = jnp.where(number > 0, number + 1, 0)
    return lax.fori_loop(jnp.zeros_like(rounds), rounds, step, state)


def _task(curriculum: AbstractCurriculum, item: TimeGrid, t: Float[Array, ""]) -> list[Array]:
    weights = curriculum.task(item.block, t)
    return [weights[m] for m in range(weights.shape[0])]
