"""Many small networks at once: a batch of order parameters as one array per component, one lane per trajectory."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.dynamics.order_parameters import OrderParameters, OrderParameterState
from ntadyn.regularizers import L1, AbstractPenalty, Nonnegativity, Sum, UnitL1Norm, Zero
from ntadyn.simulation.components import Matrix, pair
from ntadyn.simulation.method import over_lanes

Lane = Float[Array, " lane"]

_PIECEWISE_QUADRATIC = (Nonnegativity, UnitL1Norm, L1, Zero)
# Components are written out one by one; with more of them, compiling would cost more than lanes save.
_MOST_PATHS, _MOST_TASKS = 4, 8


class LaneState(NamedTuple):
    """c, K and S of a batch, one array of lanes per component; K is symmetric and holds each pair once, q <= p.

    For inputs with a covariance the components of K and S have a leading axis over its distinct variances.
    """

    gates: list[Lane]
    students: Matrix
    cross: Matrix


class LaneProblem(NamedTuple):
    """The data in which lanes differ: 1/tau_c, 1/tau_W, overlaps of teachers, coefficients of the gate penalties.

    For inputs with a covariance there are their distinct variances v_g, with a leading axis, which the rates v_g/tau_W
    of weights and the overlaps of teachers have as well. `noise` is kappa of `OrderParameters`, if there is any.
    """

    rate_of_gates: Lane
    rate_of_weights: Float[Array, "*group lane"]
    teachers: Matrix
    hinge: Lane
    unit_norm: Lane
    shrinkage: Lane
    variances: Float[Array, "group lane"] | None = None
    noise: Lane | None = None


def lanes_can_run(system: Any, state: Any) -> bool:
    """Whether a system is one that this step is written for.

    These are the order parameters summed over rows, of up to four paths and eight tasks, with gate penalties that are
    quadratic in every orthant.

    Args:
        system: any system; only shapes and types matter.
        state: a state of it, likewise.
    """
    return (
        type(system) is OrderParameters  # a subclass may do anything else
        and not system.row_resolved
        and state.gates.size <= _MOST_PATHS
        and system.tasks.num_tasks <= _MOST_TASKS
        and all(type(term) in _PIECEWISE_QUADRATIC for term in _terms(system.gate_penalty()))
    )


def holds_norm(system: OrderParameters) -> bool:
    """Whether a penalty holds the norm of the gates; its coefficients must be known numbers."""
    terms = _terms(system.gate_penalty())
    return any(float(term.k) > 0 for term in terms if isinstance(term, UnitL1Norm | L1))


def to_lanes(systems: OrderParameters, states: OrderParameterState) -> tuple[LaneProblem, LaneState]:
    """A batch of systems and states, with trajectories along the last axis, component by component."""
    paths, number = states.gates.shape
    teachers = range(states.cross.shape[-2])
    terms = _terms(systems.gate_penalty())

    def total(kind: type[Nonnegativity] | type[UnitL1Norm] | type[L1]) -> Lane:
        zero = jnp.zeros(number, states.gates.dtype)
        return sum((jnp.asarray(term.k, zero.dtype) + zero for term in terms if isinstance(term, kind)), start=zero)

    rate_of_weights = 1 / systems.time_constants["weights"]
    groups: int | slice = 0
    if (variances := None if systems.spectrum is None else systems.spectrum.variances) is not None:
        rate_of_weights, groups = variances * rate_of_weights[None], slice(None)
    problem = LaneProblem(
        1 / systems.time_constants["gates"],
        rate_of_weights,
        [[systems.teacher_overlaps[groups, m, n] for n in range(m + 1)] for m in teachers],
        total(Nonnegativity),
        total(UnitL1Norm),
        total(L1),
        variances,
        systems.batch_noise,
    )
    state = LaneState(
        [states.gates[p] for p in range(paths)],
        [[states.students[groups, p, q] for q in range(p + 1)] for p in range(paths)],
        [[states.cross[groups, p, m] for m in teachers] for p in range(paths)],
    )
    return problem, state


def from_lanes(state: LaneState) -> OrderParameterState:
    """The batch as arrays again, with trajectories along the last axis."""
    paths = range(len(state.gates))
    students = jnp.stack([jnp.stack([pair(state.students, p, q) for q in paths]) for p in paths])
    cross = jnp.stack([jnp.stack(row) for row in state.cross])
    # Not one by one under `jax.vmap`, after which lanes are no longer side by side.
    by_group = students.ndim == 4
    students, cross = (jnp.moveaxis(x, -2, 0) if by_group else x[None] for x in (students, cross))
    return over_lanes(OrderParameterState)(jnp.stack(state.gates), students, cross)


def nonzero(x: Lane) -> Lane:
    """The same, with 1 for 0: a denominator where the quotient is not looked at."""
    return jnp.where(x == 0, 1, x)


def _terms(penalty: AbstractPenalty) -> list[AbstractPenalty]:
    return list(penalty.terms) if isinstance(penalty, Sum) else [penalty]
