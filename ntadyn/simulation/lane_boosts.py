"""Boosts of gates and weights for many small networks at once: they keep what the flow keeps for ever."""

import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation.lane_steps import LaneSteps
from ntadyn.simulation.lanes import Lane, LaneProblem, LaneState, combine, flow_gates, pair, pulls, relax_weights
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum


class LaneBoosts(LaneSteps):
    """`LaneSteps` with boosts: tau_c c c^T - tau_W K is kept across (1, .. 1) to rounding while all gates are positive.

    In each step of length h the gates c -> c + g are followed with the weights of mid-step. They say how the error
    pushed on the way, X = psi (h E - sum_p a_p W^p) with a = h g / 2, and how the penalty did, rho. Then gates and
    weights move together by the midpoint rule along Y = X tanh(theta/2)/(theta/2), theta = |X| / sqrt(tau_c tau_W):

        tau_c (c_1 - c) = <(W + W_1)/2, Y> - rho,   tau_W (W_1 - W) = (c + c_1)/2 Y,

    in closed form. Quadratic invariants are kept by it whatever X and rho are, as long as the penalty pulls all gates
    alike; so rho is averaged over gates that are positive throughout. Gates that arrive at zero are put there.

    White inputs, no noise. Second order in h, as `LaneSteps`; the order of gates and weights leaves no trace in Q.

    Source: as `ntadyn.solvers.LorentzBoost`, for arrays of lanes.
    """

    def check(self, system: AbstractSystem, state: PyTree) -> None:
        """See `LaneSteps.check`; inputs are white and there is no noise."""
        super().check(system, state)
        if getattr(system, "spectrum", None) is not None or getattr(system, "batch_noise", None) is not None:
            raise ValueError(
                "LaneBoosts steps white inputs without noise; pass FixedSteps(LorentzBoost()) for a covariance, and "
                "LaneSteps() for noise."
            )

    def refined(self, dtype: DTypeLike) -> "LaneBoosts":
        """The method with twice as many steps."""
        del dtype
        return LaneBoosts(2 * self.refinement)

    def through(
        self,
        problem: LaneProblem,
        state: LaneState,
        curriculum: AbstractCurriculum,
        item: TimeGrid,
        number: Int[Array, ""],
    ) -> LaneState:
        """All steps of one interval, each with the task of its middle."""
        unit = item.length / jnp.maximum(number, 1).astype(item.length.dtype) ** 2

        def step(k: Int[Array, ""], state: LaneState) -> LaneState:
            k = jnp.asarray(k, number.dtype).astype(unit.dtype)
            middle: Float[Array, ""] = item.start + (k * k + k + 0.5) * unit
            weights = curriculum.task(item.block, middle)
            return boosted(problem, state, [weights[m] for m in range(weights.shape[0])], (2 * k + 1) * unit)

        return lax.fori_loop(jnp.zeros_like(number), number, step, state)


def boosted(problem: LaneProblem, state: LaneState, task: list[Array], h: Array) -> LaneState:
    """One step, see `LaneBoosts`.

    Args:
        problem: time constants and penalties.
        state: gates and overlaps.
        task: weight of each teacher in the task.
        h: length of the step.
    """
    c, paths, teachers = state.gates, range(len(state.gates)), range(len(task))
    middle, pull = relax_weights(problem, state, pulls(state, task), task, 0.5 * h)
    end, _ = flow_gates(problem, middle, pull, task, h)
    area = [0.5 * h * (x - y) for x, y in zip(end, c, strict=True)]

    share = _share(h * problem.rate_of_weights * combine(c, c))
    of_paths = [share * (h * x + y) for x, y in zip(c, area, strict=True)]
    of_teachers = [share * h * x for x in task]
    along_paths = [
        combine(state.cross[p], of_teachers) - combine([pair(state.students, p, q) for q in paths], of_paths)
        for p in paths
    ]
    along_teachers = [
        combine([pair(problem.teachers, m, n) for n in teachers], of_teachers)
        - combine([state.cross[p][m] for p in paths], of_paths)
        for m in teachers
    ]
    # Zero to rounding may be negative.
    squared = jnp.maximum(combine(of_teachers, along_teachers) - combine(of_paths, along_paths), 0)

    on_the_way = [h * pull[p] - combine([pair(middle.students, p, q) for q in paths], area) for p in paths]
    at_rest = [x - (y - z) / problem.rate_of_gates for x, y, z in zip(on_the_way, end, c, strict=True)]
    positive = [((x > 0) & (y > 0)).astype(x.dtype) for x, y in zip(c, end, strict=True)]
    mean = combine(positive, at_rest) / jnp.maximum(sum(positive), 1)
    impulse = [x * mean + (1 - x) * y for x, y in zip(positive, at_rest, strict=True)]

    angle = squared * problem.rate_of_gates * problem.rate_of_weights
    flat = (60 + angle) / (60 + 6 * angle)  # tanh(theta/2) / (theta/2), to theta^6
    gain = 0.25 * angle * flat**2
    moved = [
        ((1 + gain) * c[p] + problem.rate_of_gates * (flat * along_paths[p] - impulse[p])) / (1 - gain) for p in paths
    ]
    # Weights at rest decide where a gate is held, and on which side of zero it ends.
    moved = [jnp.where(x * y > 0, x, 0) for x, y in zip(moved, end, strict=True)]
    grown = [0.5 * problem.rate_of_weights * flat * (x + y) for x, y in zip(c, moved, strict=True)]
    students = [
        [
            state.students[p][q] + grown[p] * along_paths[q] + grown[q] * along_paths[p] + squared * grown[p] * grown[q]
            for q in range(p + 1)
        ]
        for p in paths
    ]
    cross = [[state.cross[p][m] + grown[p] * along_teachers[m] for m in teachers] for p in paths]
    return LaneState(moved, students, cross)


def _share(z: Lane) -> Lane:
    """(1 - exp(-z)) / z, what the weights' own relaxation leaves of the error, by Pade: stable at any step."""
    return 1 / (1 + z * (0.5 + z * (1 / 12)))
