"""When gates arrive at zero, cross it, or are released from it, within one period of a map."""

import enum
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ntadyn.interface.gated_linear import AbstractGatedLinear
from ntadyn.interface.observables import full_state, gates
from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation.integration import integrate
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import TimeGrid
from ntadyn.tasks.curriculum import AbstractCurriculum

# Times are halved until they are known to this share of a step.
SHARE_OF_STEP = 2.0**-40


class EventKind(enum.Enum):
    """What a gate does at zero."""

    ARRIVAL = "arrival"
    CROSSING = "crossing"
    RELEASE = "release"


class Event(NamedTuple):
    """One event: what happens, to which gate, when, and within what time of that.

    The time is that of the discretised run, whose steps approximate the flow.
    """

    kind: EventKind
    gate: int
    time: float
    within: float


def events_of(
    system: AbstractSystem, curriculum: AbstractCurriculum, method: AbstractMethod, grid: TimeGrid, state: PyTree
) -> list[Event]:
    """Arrivals, crossings and releases of gates along a run, in the order of time.

    Steps whose ends differ in the sign of a gate are made again for a part of their length, and the part is bisected:
    so events are found by the search of the step itself. What is undone within one step is not seen.

    Args:
        system: with gates.
        curriculum: the blocks.
        method: how to step.
        grid: the steps.
        state: at the start.

    Raises:
        ValueError: for a system without gates, or a run that fails.
    """
    if not isinstance(system, AbstractGatedLinear):
        raise ValueError(
            f"events are those of gates, and a {type(system).__name__} has none; use a gated linear system."
        )
    run, grid = _Run(system, curriculum, method), _step_by_step(grid)
    states, signs, successful = _every_step(run, state, grid)
    if not bool(successful):
        raise ValueError("the run fails from this state, so that it has no events; start nearer to an orbit.")
    signs = np.concatenate([np.sign(np.ravel(system.gates(state)))[None], np.asarray(signs)])
    starts = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest[:-1]]), state, states)
    found = []
    for step, gate in np.argwhere(signs[1:] != signs[:-1]).tolist():
        at, start = (jax.tree.map(lambda leaf, step=step: leaf[step], tree) for tree in (grid, starts))
        before, length = signs[step, gate], float(at.length)
        low, high = 0.0, length
        while high - low > SHARE_OF_STEP * length:
            middle = 0.5 * (low + high)
            moved = np.ravel(_part(run, start, at, jnp.asarray(middle, at.length.dtype)))
            low, high = (middle, high) if np.sign(moved[gate]) == before else (low, middle)
        found.append(Event(_kind(before, signs[step + 1, gate]), gate, float(at.start) + high, high - low))
    return sorted(found, key=lambda event: (event.time, event.gate))


class _Run(eqx.Module):
    system: AbstractGatedLinear
    curriculum: AbstractCurriculum
    method: AbstractMethod


def _kind(before: float, after: float) -> EventKind:
    if after == 0:
        return EventKind.ARRIVAL
    return EventKind.RELEASE if before == 0 else EventKind.CROSSING


def _step_by_step(grid: TimeGrid) -> TimeGrid:
    """The same steps, each an interval of its own; intervals of no length are left out."""
    start, length, block, number = map(np.asarray, (grid.start, grid.length, grid.block, grid.num_steps))
    which = np.repeat(np.arange(number.size), number)
    h = (length / np.maximum(number, 1))[which]
    done = np.concatenate([np.arange(each) for each in number]) * h
    parts = start[which] + done, start[which] + done + h, h, block[which], np.ones_like(which, number.dtype)
    return TimeGrid(*map(jnp.asarray, parts))


@eqx.filter_jit
def _every_step(run: _Run, state: PyTree, grid: TimeGrid) -> tuple[PyTree, Array, Array]:
    observables = {"state": full_state, "gates": gates}
    found = integrate(run.system, run.curriculum, state, run.method, grid, observables)
    signs = jnp.sign(found.values["gates"]).reshape(grid.block.shape[0], -1)
    return found.values["state"], signs, found.result == RESULTS.successful


@eqx.filter_jit
def _part(run: _Run, state: PyTree, step: TimeGrid, length: Array) -> Array:
    """The gates after a part of a step."""
    part = TimeGrid(step.start, step.start + length, length, step.block, step.num_steps)
    one = jax.tree.map(lambda leaf: leaf[None], part)
    return run.system.gates(integrate(run.system, run.curriculum, state, run.method, one, {}).final_state)
