"""What is recorded and checked of order parameters on lanes, component by component: each operation takes all lanes.

Under `jax.vmap` alone lanes come first wherever small matrices are broadcast, and XLA goes through them one by one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.dynamics.order_parameters import OrderParameters, OrderParameterState
from ntadyn.interface import observables
from ntadyn.interface.gated_linear import AbstractGatedFlow
from ntadyn.interface.system import AbstractSystem, Task
from ntadyn.simulation.components import Matrix, combined
from ntadyn.simulation.invariants import energy_and_loss
from ntadyn.simulation.lanes import Lane, nonzero
from ntadyn.simulation.method import over_lanes

# Components are written out one by one.
_MOST = 8


def lifted(systems: AbstractSystem) -> Callable[..., Callable[..., Any]]:
    """`over_lanes` for a batch of systems, in which functions that are known here are computed by components.

    Args:
        systems: a batch of systems, trajectories along the last axis.
    """
    own = _BY_COMPONENTS if _has_components(systems) else ()

    def lift(function: Callable[..., Any], in_axes: int | tuple[int | None, ...] = -1) -> Callable[..., Any]:
        found = (mine for theirs, mine in own if theirs is function)
        return next(found, None) or over_lanes(function, in_axes)

    return lift


def exchange(system: AbstractGatedFlow, state: Any, task: Task) -> Float[Array, ""]:
    """`AbstractGatedFlow.exchange` as a function, which `lifted` knows."""
    return system.exchange(state, task)


def _has_components(systems: AbstractSystem) -> bool:
    """Whether a batch is one of order parameters summed over rows, of white inputs without noise, and not too many."""
    return (
        type(systems) is OrderParameters  # a subclass may do anything else
        and not systems.row_resolved
        and systems.spectrum is None
        and systems.batch_noise is None
        and systems.num_tasks <= _MOST
    )


class _Components(NamedTuple):
    """Gates, overlaps and the task of a batch, one array of lanes each, or numbers that all lanes have in common."""

    gates: list[Lane]
    students: Matrix
    cross: Matrix
    teachers: Matrix
    task: list[Array]

    @classmethod
    def of(cls, systems: OrderParameters, states: OrderParameterState, task: Array) -> "_Components":
        overlaps = (states.students[0], states.cross[0], systems.teacher_overlaps[0])
        students, cross, teachers = ([list(row) for row in matrix] for matrix in overlaps)
        return cls(list(states.gates), students, cross, teachers, list(task))

    def squared_error(self) -> Lane:
        """See `OrderParameters.loss`: |E|^2."""
        pulls = [
            combined(of_tasks, self.task) - combined(of_paths, self.gates)
            for of_tasks, of_paths in zip(self.cross, self.students, strict=True)
        ]
        along_teachers = [
            combined(overlaps, self.task) - combined(list(of_paths), self.gates)
            for overlaps, of_paths in zip(self.teachers, zip(*self.cross, strict=True), strict=True)
        ]
        return combined(along_teachers, self.task) - combined(self.gates, pulls)


def _loss(systems: OrderParameters, states: OrderParameterState, task: Array) -> Lane:
    return 0.5 * _Components.of(systems, states, task).squared_error()


def _energy_and_loss(systems: OrderParameters, states: OrderParameterState, task: Array) -> tuple[Lane, Lane]:
    loss = _loss(systems, states, task)
    penalty = over_lanes(lambda system, gates: system.gate_penalty().energy(gates))(systems, states.gates)
    return loss + penalty, loss


def _similarity(systems: OrderParameters, states: OrderParameterState, task: Array) -> Float[Array, "m p lane"]:
    """See `overlap_similarity`."""
    parts = _Components.of(systems, states, task)
    of_paths, of_teachers = (
        [jnp.sqrt(jnp.maximum(matrix[k][k], 0)) for k in range(len(matrix))]
        for matrix in (parts.students, parts.teachers)
    )

    def cosine(cross: Lane, path: Lane, teacher: Lane) -> Lane:
        return jnp.where((path > 0) & (teacher > 0), cross / nonzero(path) / nonzero(teacher), 0)

    return jnp.stack(
        [
            jnp.stack([cosine(parts.cross[p][m], path, teacher) for p, path in enumerate(of_paths)])
            for m, teacher in enumerate(of_teachers)
        ]
    )


def _exchange(systems: OrderParameters, states: OrderParameterState, task: Array) -> Lane:
    """See `Rates.exchange`, `OrderParameters.rates` and `largest_eigenvalue`."""
    parts = _Components.of(systems, states, task)
    tau_c, tau_w = systems.time_constants["gates"], systems.time_constants["weights"]
    size = _norm(parts.students)
    power = [[x / nonzero(size) for x in row] for row in parts.students]
    power = _squared(_squared(power))
    of_gates = size * jnp.sqrt(jnp.sqrt(_norm(power))) / tau_c
    of_weights = combined(parts.gates, parts.gates) / tau_w
    drive = jnp.sqrt(jnp.maximum(parts.squared_error(), 0) / (tau_c * tau_w))
    return drive + jnp.sqrt(of_gates * of_weights)


def _norm(matrix: Matrix) -> Lane:
    entries = [x for row in matrix for x in row]
    return jnp.sqrt(combined(entries, entries))


def _squared(matrix: Matrix) -> Matrix:
    """The product of a symmetric matrix with itself."""
    return [[combined(row, other) for other in matrix] for row in matrix]


_BY_COMPONENTS = (
    (observables.loss, _loss),
    (observables.similarity, _similarity),
    (energy_and_loss, _energy_and_loss),
    (exchange, _exchange),
)
