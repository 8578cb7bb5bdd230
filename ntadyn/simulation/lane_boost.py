"""The boost on lanes: the step that keeps what the flow keeps, for many small networks at once."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.dynamics.order_parameters import OrderParameters
from ntadyn.interface.boost_flow import hyperbolic
from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation.components import combined, pair
from ntadyn.simulation.lane_gates import follow_gates, zero_is_a_kink
from ntadyn.simulation.lane_spectrum import Overlap, advance_weights, pulls_by_group
from ntadyn.simulation.lane_steps import AbstractLaneSteps, check_lanes, task_at
from ntadyn.simulation.lanes import LaneProblem, LaneState
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum


class LaneBoosts(AbstractLaneSteps):
    """The steps of `LaneSteps` by the boost of `LorentzBoost`: tau_c c c^T - tau_W K is kept to rounding between kinks.

    Exponentials of the closed forms are those of lanes, in their Pade approximations; what is kept does not depend on
    them. For runs of hundreds of blocks; over tens of blocks `LaneSteps` errs as much and costs less.

    Attributes: see `LaneSteps`.
    """

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `LaneSteps.check`; noise of batches adds to weights what gates do not feel."""
        check_lanes(system, state)
        if isinstance(system, OrderParameters) and (refusal := system.boost_refusal()):
            raise ValueError(f"LaneBoosts moves weights along the error alone, but {refusal}. Pass LaneSteps().")

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

        def step(k: Int[Array, ""] | int, state: LaneState) -> LaneState:
            before = jnp.asarray(k, number.dtype).astype(unit.dtype)  # a plain number if jit is disabled
            length = (2 * before + 1) * unit
            task = task_at(curriculum, item, item.start + before**2 * unit + 0.5 * length)
            return boosted(problem, state, task, length)

        return lax.fori_loop(jnp.zeros_like(number), number, step, state)


def boosted(problem: LaneProblem, state: LaneState, task: list[Array], duration: Float[Array, ""]) -> LaneState:
    """One step; the equations are those of `AbstractBoostFlow.boosted`.

    Args:
        problem: time constants and penalties, no noise.
        state: gates and overlaps.
        task: weight of each teacher in the task.
        duration: length of time.
    """
    c, paths, teachers = state.gates, range(len(state.gates)), range(len(task))
    pull = pulls_by_group(problem, state, task)
    middle, pull_in_middle = advance_weights(problem, state, pull, task, 0.5 * duration)
    students = [[_seen(problem, x) for x in row] for row in middle.students]
    cross = [[_seen(problem, x) for x in row] for row in middle.cross]
    drive = [_seen(problem, x) for x in pull_in_middle]
    end, area = follow_gates(problem, LaneState(c, students, cross), drive, task, duration)

    # X = share (h E - sum_p area_p W^p), with the share that the relaxation of the weights leaves of the error.
    z = duration * problem.rate_of_weights * _by_group(problem, combined(c, c))
    share = 1 / (1 + z * (0.5 + z * (1 / 12)))
    share = share if problem.variances is None else problem.variances * share
    of_paths = [share * _by_group(problem, duration * x + y) for x, y in zip(c, area, strict=True)]
    of_teachers = [share * _by_group(problem, duration * weight) for weight in task]
    along = [
        combined(state.cross[p], of_teachers) - combined([pair(state.students, p, q) for q in paths], of_paths)
        for p in paths
    ]
    along_teachers = [
        combined([pair(problem.teachers, m, n) for n in teachers], of_teachers)
        - combined([state.cross[p][m] for p in paths], of_paths)
        for m in teachers
    ]
    # Zero to rounding may be negative.
    squared = jnp.maximum(combined(of_teachers, along_teachers) - combined(of_paths, along), 0)

    rate_of_weights = problem.rate_of_weights
    rate_of_weights = rate_of_weights if problem.variances is None else (rate_of_weights / problem.variances)[0]
    kinked = zero_is_a_kink(problem)
    cosh, sinhc, tanhc = hyperbolic(_summed(problem, squared) * problem.rate_of_gates * rate_of_weights)

    def moved(p: int) -> Array:
        at_rest = duration * drive[p] - combined([pair(students, p, q) for q in paths], area)
        penalised = jnp.where(kinked, (end[p] - c[p]) - problem.rate_of_gates * at_rest, 0)
        gate = cosh * c[p] + sinhc * (penalised + problem.rate_of_gates * _summed(problem, along[p]))
        # At a kink weights at rest decide where a gate is held, and on which side it ends.
        return jnp.where(kinked & ~(gate * end[p] > 0), 0, gate)

    gates = [moved(p) for p in paths]
    a = [_by_group(problem, 0.5 * tanhc * rate_of_weights * (c[p] + gates[p])) for p in paths]
    return LaneState(
        gates,
        [
            [state.students[p][q] + (a[p] * along[q] + a[q] * along[p] + a[p] * a[q] * squared) for q in range(p + 1)]
            for p in paths
        ],
        [[state.cross[p][m] + a[p] * along_teachers[m] for m in teachers] for p in paths],
    )


def _by_group(problem: LaneProblem, lane: Array) -> Array:
    """The same in every eigenspace of the inputs, if there are any."""
    return lane if problem.variances is None else jnp.broadcast_to(lane, problem.variances.shape)


def _summed(problem: LaneProblem, overlap: Overlap) -> Float[Array, " lane"]:
    """The sum over the eigenspaces of the inputs, if there are any."""
    return overlap if problem.variances is None else jnp.sum(overlap, axis=0)


def _seen(problem: LaneProblem, overlap: Overlap) -> Float[Array, " lane"]:
    """What gates feel of an overlap: the sum over eigenspaces, weighted by their variances."""
    return overlap if problem.variances is None else jnp.sum(problem.variances * overlap, axis=0)
