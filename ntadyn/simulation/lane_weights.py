"""The weights of lanes along frozen gates: one of the two flows of the splitting step."""

import jax.numpy as jnp
from jaxtyping import Array

from ntadyn.simulation.components import combined, pair
from ntadyn.simulation.lanes import Lane, LaneProblem, LaneState, nonzero


def pulls(state: LaneState, task: list[Array]) -> list[Lane]:
    """<W^p, E> = S a - K c: how the error pulls at every gate, and every path along itself.

    Args:
        state: gates and overlaps.
        task: weight of each teacher in the task.
    """
    paths = range(len(state.gates))
    return [
        combined(state.cross[p], task) - combined([pair(state.students, p, q) for q in paths], state.gates)
        for p in paths
    ]


def relax_weights(
    problem: LaneProblem, state: LaneState, pull: list[Lane], task: list[Array], duration: Array
) -> tuple[LaneState, list[Lane]]:
    """W^p += c_p A E in closed form on the overlaps, as `OrderParameters.relax_weights`.

    A = (1 - exp(-z)) duration/(tau_W z) with z = |c|^2 duration/tau_W, in its (0, 2) Pade approximation: stable at any
    step, with a relative error of z^4/720, far below that of the splitting for steps that resolve the gates.

    Args:
        problem: time constants and penalties.
        state: gates and overlaps.
        pull: the `pulls` of this state and task.
        task: weight of each teacher in the task.
        duration: length of time.

    Returns:
        The new state, and its pulls: (1 - A |c|^2) (pull + A |E|^2 c), which needs none of the new overlaps.
    """
    c, paths, teachers = state.gates, range(len(state.gates)), range(len(task))
    by_teacher = [
        combined([pair(problem.teachers, m, n) for n in teachers], task)
        - combined([state.cross[p][m] for p in paths], c)
        for m in teachers
    ]
    squared_error = combined(by_teacher, task) - combined(pull, c)
    squared_gates = combined(c, c)
    time = duration * problem.rate_of_weights
    z = time * squared_gates
    step = time / (1 + z * (0.5 + z * (1 / 12)))
    growth, common = [step * x for x in c], step * squared_error
    inward = [x + 0.5 * common * y for x, y in zip(pull, c, strict=True)]
    students = [
        [state.students[p][q] + (growth[p] * inward[q] + growth[q] * inward[p]) for q in range(p + 1)] for p in paths
    ]
    cross = [[state.cross[p][m] + growth[p] * by_teacher[m] for m in teachers] for p in paths]
    left = 1 - step * squared_gates
    pull = [left * (x + common * y) for x, y in zip(pull, c, strict=True)]
    if problem.noise is not None:
        gained = squared_error * _gained_by_noise(problem.noise, squared_gates, time)
        students = [[students[p][q] + gained * c[p] * c[q] for q in range(p + 1)] for p in paths]
        pull = [x - gained * squared_gates * y for x, y in zip(pull, c, strict=True)]
    return LaneState(c, students, cross), pull


def _gained_by_noise(noise: Lane, squared_gates: Lane, time: Lane) -> Lane:
    """exp(-2z) (exp(u) - 1) / |c|^4 with z = |c|^2 time and u = kappa |c|^2 z; time is in units of tau_W."""
    u = noise * squared_gates * squared_gates * time
    ratio = jnp.where(u == 0, 1, jnp.expm1(u) / nonzero(u))
    return jnp.exp(-2 * squared_gates * time) * noise * time * ratio
