"""The splitting step on lanes for inputs with a covariance: overlaps in every eigenspace, gates in their sum.

Components of overlaps, of the rates of weights and of pulls then have a leading axis over the distinct variances; for
white inputs they have none, and everything here is the step of `lane_weights` and `lane_gates` itself.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.simulation.lane_gates import flow_gates
from ntadyn.simulation.lane_weights import pulls, relax_weights
from ntadyn.simulation.lanes import LaneProblem, LaneState

Overlap = Float[Array, "*group lane"]


def advance_weights(
    problem: LaneProblem, state: LaneState, pull: list[Overlap], task: list[Array], duration: Array
) -> tuple[LaneState, list[Overlap]]:
    """`relax_weights`, in every eigenspace of the inputs.

    Args and results: see `relax_weights`; `pull` is that of `pulls_by_group`, before and after.
    """
    if problem.variances is None:
        return relax_weights(problem, state, pull, task, duration)
    shared = _each(problem, None)
    teachers = _each(problem.teachers, 0)
    axes = shared._replace(rate_of_weights=0, teachers=teachers, variances=0), _state_axes(state), 0
    relax = jax.vmap(lambda *one: relax_weights(one[0], one[1], one[2], task, duration), in_axes=axes)
    relaxed, pull = relax(problem, state, pull)
    return relaxed._replace(gates=state.gates), pull


def advance_gates(
    problem: LaneProblem, state: LaneState, pull: list[Overlap], task: list[Array], duration: Array
) -> tuple[LaneState, list[Overlap]]:
    """`flow_gates` in the sum over the eigenspaces of the inputs, all of which gates feel.

    Args and results: see `flow_gates`; `pull` is that of `pulls_by_group`, before and after.
    """
    if problem.variances is None:
        gates, pull = flow_gates(problem, state, pull, task, duration)
        return state._replace(gates=gates), pull
    variances = problem.variances
    felt = jax.tree.map(lambda x: jnp.sum(variances * x, axis=0), (state.students, state.cross, pull))
    students, cross, pull = felt
    seen = LaneState(gates=state.gates, students=students, cross=cross)
    gates, _ = flow_gates(problem, seen, pull, task, duration)
    moved = state._replace(gates=gates)
    return moved, pulls_by_group(problem, moved, task)


def pulls_by_group(problem: LaneProblem, state: LaneState, task: list[Array]) -> list[Overlap]:
    """`pulls` in every eigenspace of the inputs, with a leading axis if there are several."""
    if problem.variances is None:
        return pulls(state, task)
    return jax.vmap(lambda state: pulls(state, task), in_axes=(_state_axes(state),))(state)


def _state_axes(state: LaneState) -> LaneState:
    """Where a state has its axis over eigenspaces: in the overlaps, not in the gates."""
    return LaneState(gates=_each(state.gates, None), students=_each(state.students, 0), cross=_each(state.cross, 0))


def _each(tree: Any, axis: int | None) -> Any:
    return jax.tree.map(lambda _: axis, tree)
