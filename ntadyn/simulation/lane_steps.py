"""The method that runs the splitting step on lanes, a batch of small networks at a time."""

import abc

import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters
from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation import lanes
from ntadyn.simulation.lane_method import AbstractLaneMethod, resolved_results
from ntadyn.simulation.lane_spectrum import Overlap, advance_gates, advance_weights, pulls_by_group
from ntadyn.simulation.lanes import LaneProblem, LaneState
from ntadyn.simulation.method import Interval
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum


class AbstractLaneSteps(AbstractLaneMethod):
    """Steps on lanes: a batch from one record to the next, one array per component."""

    def refined(self, dtype: DTypeLike) -> "AbstractLaneSteps":
        """The method with twice as many steps."""
        del dtype
        return type(self)(2 * self.refinement)

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

    @abc.abstractmethod
    def through(
        self,
        problem: LaneProblem,
        state: LaneState,
        curriculum: AbstractCurriculum,
        item: TimeGrid,
        number: Int[Array, ""],
    ) -> LaneState:
        """All steps of one interval, `number` of them."""


class LaneSteps(AbstractLaneSteps):
    """t_k = start + length (k/n)^2: the splitting step on lanes (`lane_weights`, `lane_gates`) within an interval.

    Gates move fastest after a switch; steps that grow from there cut the largest gate error in the maps of figure 5 to
    a third or less of that of as many equal steps. The last step is twice as long as the mean. Steps are not divided: a
    trajectory whose gates and weights exchange errors faster than the steps resolve ends as `unresolved`.

    Attributes:
        refinement: factor on the number of steps of every interval of the time grid.
    """

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `AbstractMethod.check`; lanes run some order parameters only, see `lanes.lanes_can_run`."""
        check_lanes(system, state)

    def through(
        self,
        problem: LaneProblem,
        state: LaneState,
        curriculum: AbstractCurriculum,
        item: TimeGrid,
        number: Int[Array, ""],
    ) -> LaneState:
        """See `AbstractLaneSteps.through`."""
        unit = item.length / jnp.maximum(number, 1).astype(item.length.dtype) ** 2

        def length(k: Int[Array, ""]) -> Float[Array, ""]:
            """t_k - t_{k-1}, the length of the k-th step, counted from 1; zero before the first and after the last."""
            return jnp.where((k >= 1) & (k <= number), (2 * k - 1).astype(unit.dtype) * unit, jnp.zeros_like(unit))

        def task(t: Float[Array, ""]) -> list[Array]:
            return task_at(curriculum, item, t)

        varies = curriculum.varies_within_blocks()

        # Weights for no time, gates for half a step; weights, gates; ...; weights, gates for half a step: the second
        # half of a gate step and the first half of the next one are taken together.
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


def check_lanes(system: AbstractSystem, state: PyTree) -> None:
    """Refuse what lanes do not run, see `lanes.lanes_can_run`.

    Raises:
        ValueError: if it is refused.
    """
    if not lanes.lanes_can_run(system, state):
        raise ValueError(
            f"lanes run order parameters summed over rows, with few paths and tasks and with penalties that are "
            f"quadratic in every orthant, but not this {type(system).__name__}. Pass FixedSteps()."
        )


def task_at(curriculum: AbstractCurriculum, item: TimeGrid, t: Float[Array, ""]) -> list[Array]:
    """The weight of each teacher in the task at time t of an interval."""
    weights = curriculum.task(item.block, t)
    return [weights[m] for m in range(weights.shape[0])]
