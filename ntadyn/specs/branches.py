"""Branches of orbits of a configuration over its gate time constant, as labelled data sets, and in a few lines."""

import dataclasses
import functools
import json
import math
from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ntadyn.dynamics import OrderParameters
from ntadyn.dynamics.order_parameters import OrderParameterState
from ntadyn.networks import GatedLinear
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.specs.building import build, first, keys_of
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.orbits import half_period
from ntadyn.specs.paths import plain, replaced
from ntadyn.specs.teacher_plane import cell_of, check_in_plane
from ntadyn.stability import (
    SWAPPED_TASKS_AND_PATHS,
    Multipliers,
    Orbit,
    OrbitBranch,
    Side,
    Stability,
    StroboscopicMap,
    TeacherPlane,
    band_fold,
    contact_band,
    find_periodic,
    grazing_branch,
    half_swing,
    on_both_sides,
    orbit_branch,
    teacher_frame,
    unspecialised_orbit,
)
from ntadyn.stability.continuation import BranchPoint
from ntadyn.tasks import curricula

Told = Callable[[int, float], None]
# Length of first steps in (state, log tau_c), how much more of Q the orbit without contact has, and steps per block.
FIRST_STEP, BEYOND, STEPS = 0.1, 1e-4, 400
# Events in this share of a period, at its end, do not end a branch.
AT_THE_END = 1e-5
# How many multipliers of both sides are kept.
SLOWEST = 4


def grazing_over_gates(
    configuration: Configuration, between: tuple[float, float], progress: Told = lambda count, parameter: None
) -> xr.Dataset:
    """Grazing orbits over the gate time constant, through the fold at which the contact band closes.

    Args:
        configuration: everything but the gate time constant.
        between: the range of gate time constants.
        progress: called with the number of points and log tau_c.

    Returns:
        Dataset over `grazing`, and over `fold`, of which there is at most one: gate time constant, q, distance of the
        paths, residual and doubt.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach, or a range above the fold.
    """
    plane = cell_of(configuration)
    found = grazing_branch(plane, between, progress)
    dataset = _curve(plane, found.points, "grazing").merge(_curve(plane, found.folds, "fold"))
    return dataset.assign_attrs(grazing_status=found.status.value, configuration=json.dumps(plain(configuration)))


def unspecialised_over_gates(
    configuration: Configuration, between: tuple[float, float], progress: Told = lambda count, parameter: None
) -> xr.Dataset:
    """The unspecialised orbit of the whole system over the gate time constant, with its growth per block.

    No gate of it comes near zero, so that there are no events to watch.

    Args:
        configuration: a cell on the branch.
        between: the range of gate time constants.
        progress: called with the number of points and log tau_c.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach, or whose gate time constant is
            outside of the range.
    """
    map, guess = half_period(configuration)
    both = _both_ways(map, find_periodic(map, guess), configuration, between, progress, watch_events=None)
    dataset = _orbits("unspecialised", both)
    theory = [unspecialised_orbit(_at(cell_of(configuration), tau)) for tau in dataset.unspecialised.values]
    dataset["growth_per_block"] = ("unspecialised", [found.values[0].real for found in both.multipliers])
    dataset["predicted_growth"] = ("unspecialised", [each.antisymmetric[0] for each in theory])
    dataset["growth_per_block"].attrs["long_name"] = "mu: by how much a difference of the paths grows per block"
    return dataset


def specialised_over_gates(
    configuration: Configuration,
    between: tuple[float, float],
    solver: diffrax.AbstractSolver,
    progress: Told = lambda count, parameter: None,
) -> xr.Dataset:
    """The specialised orbit of the whole system over the gate time constant, until its events change.

    Args:
        configuration: a cell on the branch.
        between: the range of gate time constants.
        solver: it must keep Q while both gates are positive, or there is no such orbit.
        progress: called with the number of points and log tau_c.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach, that has no contact band, or whose
            gate time constant is outside of the range.
    """
    map, guess = specialised_half_period(configuration, solver)
    orbit = find_periodic(map, guess)
    both = _both_ways(map, orbit, configuration, between, progress, _events_inside)
    dataset = _orbits("specialised", both)
    plane = cell_of(configuration)
    predicted = [plane_distance(_at(plane, tau)) for tau in dataset.specialised.values]
    dataset["specialised_predicted"] = ("specialised", predicted)
    # Where the orbit without contact is not found, the side in contact is all that is known.
    sides = []
    for each, found, log_gates in zip(both.orbits, both.multipliers, both.parameters, strict=True):
        free = free_orbit(_map_at(map, jnp.asarray(log_gates)), each)
        sides.append(on_both_sides(each, free) if free.found else (found, _unknown(found)))
    slowest, axes = range(SLOWEST), ("specialised", "side", "slowest")
    dataset["side_multiplier"] = (axes, [[np.abs(side.values[slowest]) for side in pair] for pair in sides])
    dataset["side_label"] = (axes, [[_labels_of(side) for side in pair] for pair in sides])
    dataset["specialised_label"] = ("specialised", [_label(right) for right, _ in sides])
    dataset = dataset.assign_coords(side=[Side.RIGHT.value, Side.LEFT.value])
    events = [f"{event.kind.value} of gate {event.gate + 1} at {event.time:.8f}" for event in map.events(orbit.state)]
    return dataset.assign_attrs(events="; ".join(events), start=configuration.time_constants.gates)


def has_specialised_orbit(configuration: Configuration) -> bool:
    """Whether the contact band is open in this cell."""
    return not math.isnan(contact_band(cell_of(configuration)).high)


def specialised_half_period(
    configuration: Configuration, solver: diffrax.AbstractSolver
) -> tuple[StroboscopicMap, GatedLinear]:
    """The map of one block of A, tasks and paths swapped, and a network next to its fixed point: the grazing orbit.

    Args:
        configuration: one cell.
        solver: how to step; it must keep Q while both gates are positive.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach, or that has no contact band.
    """
    check_in_plane(configuration)
    plane, duration = cell_of(configuration), configuration.curriculum.block_duration
    q = contact_band(plane).high
    if math.isnan(q):
        raise ValueError(
            f"no gate reaches zero in a symmetric orbit at the gate time constant {plane.gates:g}, so that there is no "
            f"specialised orbit; take one below {band_fold(plane).gates:.6g}."
        )
    flow = replaced(configuration, {"dynamics": Dynamics.ORDER_PARAMETERS})
    system, _ = build(flow, first(keys_of(0, [(0, 0, 0)])))
    assert isinstance(system, OrderParameters)
    overlaps = neutral_overlaps(plane, q, system.dtype)
    state = OrderParameterState(jnp.asarray([1.0, 0.0], system.dtype), overlaps.students, overlaps.cross)
    whole, guess = teacher_frame(system, state)
    block = curricula.alternating(2, 1, jnp.asarray(duration, whole.dtype))
    return StroboscopicMap.of(whole, block, guess, SWAPPED_TASKS_AND_PATHS, FixedSteps(solver, duration / STEPS)), guess


def neutral_overlaps(plane: TeacherPlane, q: float, dtype: DTypeLike) -> OrderParameterState:
    """Overlaps of a symmetric neutral orbit at the start of a block of A, at most as far as its gate reaches zero.

    Path 1, whose gate is the larger one, is that of B.

    Args:
        plane: one cell.
        q: Q/kappa^2 of the orbit, positive.
        dtype: of the overlaps.
    """
    phi = min(half_swing(plane, q), math.asinh(1 / math.sqrt(q)))
    apart = math.sqrt(q) * math.sinh(phi)
    # Of both paths along (A - B) and (A + B), and then along A and B.
    across = np.array([-1, 1]) * plane.kappa * math.sqrt(q) * math.cosh(phi) - plane.kappa * phi
    common = math.sqrt(2) * plane.teacher_norm
    weights = np.stack([common + across, common - across], axis=1) / (2 * math.sqrt(2))
    return OrderParameterState(
        gates=jnp.asarray([(1 + apart) / 2, (1 - apart) / 2], dtype),
        students=jnp.asarray(weights @ weights.T, dtype)[None],
        cross=jnp.asarray(float(plane.teacher_norm) * weights, dtype)[None],
    )


def free_orbit(map: StroboscopicMap, orbit: Orbit) -> Orbit:
    """The orbit next to a specialised one whose gate does not quite reach zero, of the neutral family with its Q.

    Args:
        map: of the half period.
        orbit: the specialised one.
    """
    conserved = conserved_of(map)
    value = float(conserved(orbit.state))
    gates = jnp.maximum(orbit.state.gates, 1e-6)
    return find_periodic(map, GatedLinear(gates, orbit.state.weights), {conserved: value * (1 + BEYOND)}, 40)


def conserved_of(map: StroboscopicMap) -> Callable[[GatedLinear], Float[Array, ""]]:
    """Q = |D|^2 - kappa^2 (c_1 - c_2)^2 as a function of a network, for `find_periodic`.

    Args:
        map: of two paths, whose time constants enter.
    """
    times = map.system.time_constants  # pyright: ignore[reportAttributeAccessIssue]

    def q(network: GatedLinear) -> Float[Array, ""]:
        apart = network.weights[0] - network.weights[1]
        gates = network.gates[0] - network.gates[1]
        return jnp.sum(apart**2) - times["gates"] / times["weights"] * gates**2

    return q


def plane_distance(plane: TeacherPlane) -> float:
    """|D| of the upper grazing orbit; NaN where there is none."""
    return float(plane.kappa * math.sqrt(1 + contact_band(plane).high))


def branch_report(dataset: xr.Dataset) -> list[str]:
    """What was found, in lines, with residuals and doubts."""
    lines = []
    for tau, q, distance, doubt in zip(
        dataset.fold.values, dataset.fold_q.values, dataset.fold_distance.values, dataset.fold_doubt.values, strict=True
    ):
        lines.append(
            f"fold of grazing orbits  tau_c = {tau:.9f}, Q tau_W/tau_c = {q:.6f}, |W^1 - W^2| = {distance:.6f}, "
            f"within {doubt:.0e}; no specialised orbit beyond"
        )
    for name in ("grazing", "unspecialised", "specialised"):
        if name in dataset.dims and dataset.sizes[name]:
            place = dataset[name].values
            lines.append(
                f"{name + ' branch':22}  {place.size} points, tau_c = {place.min():.6g} to {place.max():.6g}, residual "
                f"at most {float(dataset[f'{name}_residual'].max()):.1e}, {dataset.attrs[f'{name}_status']}"
            )
    if "growth_per_block" in dataset:
        lines.append(f"{'tau_c':>12}{'mu per block':>16}{'in the plane':>16}{'rounding':>11}  label")
        rows = (dataset[name].values for name in (
            "unspecialised", "growth_per_block", "predicted_growth", "unspecialised_rounding", "unspecialised_label"
        ))  # fmt: skip
        lines += [f"{a:12.6g}{b:16.9f}{c:16.9f}{d:11.1e}  {e}" for a, b, c, d, e in zip(*rows, strict=True)]
    if "specialised" in dataset.dims:
        lines.append(f"{'tau_c':>12}{'|W^1 - W^2|':>16}{'in the plane':>16}{'residual':>11}  label")
        rows = (dataset[name].values for name in (
            "specialised", "specialised_distance", "specialised_predicted", "specialised_residual", "specialised_label"
        ))  # fmt: skip
        lines += [f"{a:12.6g}{b:16.9f}{c:16.9f}{d:11.1e}  {e}" for a, b, c, d, e in zip(*rows, strict=True)]
        lines.append(f"events at the start     {dataset.attrs['events']}")
        start = dataset.isel(specialised=int(np.argmin(np.abs(dataset.specialised.values - dataset.attrs["start"]))))
        for side, values, labels in zip(
            start.side.values, start.side_multiplier.values, start.side_label.values, strict=True
        ):
            told = ", ".join(f"{value:.6f} {label}" for value, label in zip(values, labels, strict=True))
            lines.append(f"slowest, {side + ' side':14} {told}")
    return lines


def _both_ways(
    map: StroboscopicMap,
    orbit: Orbit,
    configuration: Configuration,
    between: tuple[float, float],
    progress: Told,
    watch_events: Callable[[StroboscopicMap, Any], Any] | None,
) -> OrbitBranch:
    low, high = between
    tau = configuration.time_constants.gates
    if not 0 < low < tau < high < math.inf:
        raise ValueError(
            f"the branch starts at time_constants.gates = {tau:g}, in the range {low:g} to {high:g}; give two positive "
            f"numbers, one below and one above it."
        )
    if not orbit.found:
        raise ValueError(f"the orbit at time_constants.gates = {tau:g} was not found: {orbit.status.value}.")

    return orbit_branch(
        functools.partial(_map_at, map), orbit, math.log(tau), step=FIRST_STEP, between=(math.log(low), math.log(high)),
        watch_events=watch_events, progress=progress,
    )  # fmt: skip


def _unknown(found: Multipliers) -> Multipliers:
    """Multipliers of an orbit that was not found."""
    return found._replace(values=np.full(SLOWEST, np.nan, complex), labels=(), side=Side.LEFT)


def _labels_of(found: Multipliers) -> list[str]:
    """What the slowest multipliers do, "unknown" for those of no orbit."""
    return [each.value for each in found.labels[:SLOWEST]] or ["unknown"] * SLOWEST


def _events_inside(map: StroboscopicMap, state: GatedLinear) -> tuple[tuple[str, int], ...]:
    """Kinds and gates of events but for those at the very end of the period.

    A specialised orbit grazes: its gate arrives exactly at the end of the block, before it or just not, by rounding.
    """
    inside = (1 - AT_THE_END) * float(map.curriculum.total_time)
    return tuple((event.kind.value, event.gate) for event in map.events(state) if event.time < inside)


def _map_at(map: StroboscopicMap, log_gates: Float[Array, ""]) -> StroboscopicMap:
    """The map with another gate time constant, in the same steps."""
    return eqx.tree_at(lambda map: map.system.time_constants["gates"], map, jnp.exp(log_gates))


def _orbits(name: str, found: OrbitBranch) -> xr.Dataset:
    """One branch of orbits as a dataset over its gate time constants."""
    orbits, points = found.orbits, found.points
    status = " and ".join(dict.fromkeys(each.status.value for each in (found.falling, found.rising)))
    numbers = {
        "distance": ([_distance(each.state) for each in orbits], "|W^1 - W^2| at the start of a block"),
        "residual": ([each.residual for each in orbits], "largest change of a coordinate in one period"),
        "doubt": ([point.doubt for point in points], "length of the last correction"),
        "neutral_dimension": ([each.neutral_dimension for each in orbits], "dimension of the family of orbits"),
        "largest_multiplier": ([abs(each.values[0]) for each in found.multipliers], "largest modulus of a multiplier"),
        "rounding": ([each.rounding for each in found.multipliers], "by how much multipliers may be wrong"),
        "num_unstable": ([each.num_unstable for each in found.multipliers], "number of growing directions"),
        "label": ([_label(each) for each in found.multipliers], "what the orbit is, as a whole"),
        "orbit_status": ([each.status.value for each in orbits], "how the orbit was found"),
    }
    variables = {f"{name}_{key}": (name, values, {"long_name": text}) for key, (values, text) in numbers.items()}
    coords = {name: (name, np.exp(found.parameters), {"long_name": "gate time constant"})}
    return xr.Dataset(variables, coords, {f"{name}_status": status})


def _label(found: Multipliers) -> str:
    if found.num_unstable:
        return Stability.UNSTABLE.value
    order = Stability.HALF_STABLE, Stability.NEUTRAL
    return next((each for each in order if each in found.labels), Stability.STABLE).value


def _curve(plane: TeacherPlane, points: list[BranchPoint], name: str) -> xr.Dataset:
    gates = np.exp([point.parameter for point in points])
    q = np.exp([point.x[0] for point in points])
    distance = np.sqrt(gates / plane.weights * (1 + q))
    numbers = {
        "q": (q, "Q tau_W/tau_c"),
        "distance": (distance, "|W^1 - W^2| where the gate grazes"),
        "residual": ([point.residual for point in points], "residual of the equation"),
        "doubt": ([point.doubt for point in points], "length of the last correction"),
    }
    variables = {f"{name}_{key}": (name, values, {"long_name": text}) for key, (values, text) in numbers.items()}
    return xr.Dataset(variables, {name: (name, gates, {"long_name": "gate time constant"})})


def _distance(network: GatedLinear) -> float:
    return float(jnp.linalg.norm(network.weights[0] - network.weights[1]))


def _at(plane: TeacherPlane, gates: float) -> TeacherPlane:
    return dataclasses.replace(plane, gates=float(gates))
