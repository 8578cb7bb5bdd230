"""Basins and phase planes of a configuration as labelled data sets, and what they say in a few lines."""

import dataclasses
import json
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from ntadyn.networks import GatedLinear
from ntadyn.simulation import AbstractMethod, FixedSteps, LaneBoosts, observables, simulate
from ntadyn.solvers import LorentzBoost
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import plain
from ntadyn.specs.teacher_plane import cell_of
from ntadyn.stability import (
    FATES,
    Journey,
    Landmarks,
    StroboscopicMap,
    TeacherPlane,
    at_plane,
    classify,
    contact_band,
    field,
    follow,
    landmarks,
    match,
    neutral_orbit,
    nullcline,
    plane_system,
    representatives,
    sample,
    share,
    unspecialised_orbit,
)
from ntadyn.tasks import curricula

FATE_NAMES = [fate.value for fate in FATES]
CONFIDENCE = 0.95
# A specialised orbit does not jump farther than this from one parameter to the next.
FARTHEST = 0.3
# Of the lattice of arrows, and the widest |D| that is drawn, in units of |A - B|.
ARROWS, WIDEST = 15, 1.5
# Runs through a block that are drawn: where they start, in units of the widest |D|, beside the start of the orbit.
STARTS, MOMENTS, RUN_STEPS = (0.15, 0.4, 0.6, 0.95), 80, 400


def shares_by_spread(
    configuration: Configuration,
    spreads: Sequence[float],
    num_runs: int,
    num_blocks: int,
    seed: int = 0,
    method: AbstractMethod | None = None,
) -> xr.Dataset:
    """The share of runs with every fate, over the spread of initial weights.

    Args:
        configuration: one cell; only its times, penalties and teachers matter.
        spreads: standard deviations of entries of weights, in units of |W*|.
        num_runs: initial states for each of them.
        num_blocks: how long to follow; rounded up to a multiple of 8.
        seed: of the draw.
        method: how to step; boosts on lanes if omitted.

    Returns:
        `share`, `low` and `high` over (spread, fate), and what happened to every run.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach, or sizes that make no sense.
    """
    plane, keys = cell_of(configuration), jax.random.split(jax.random.key(seed), len(spreads))
    drawn = [
        sample(keys[k], num_runs, spread * float(plane.teacher_norm)) for k, spread in enumerate(spreads)
    ]  # fmt: skip
    states = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *drawn)
    journey = _followed([plane], states, num_blocks, method)
    fates = classify(journey, landmarks(plane)).reshape(len(spreads), num_runs)
    dataset = _share_table(fates, "spread", list(spreads))
    for name, values in zip(("distance", "lead", "along"), journey[:3], strict=True):
        dataset[name] = (("quarter", "spread", "run"), values.reshape(-1, len(spreads), num_runs))
    dataset["result"] = (("spread", "run"), journey.result.reshape(len(spreads), num_runs))
    return dataset.assign_attrs(_origin(configuration, num_blocks, seed, plane))


def shares_by_gates(
    configuration: Configuration,
    gates: Sequence[float],
    spread: float,
    num_runs: int,
    num_blocks: int,
    seed: int = 0,
    method: AbstractMethod | None = None,
) -> xr.Dataset:
    """The shares over gate time constants, from the same initial states, with labels matched from one to the next.

    Args:
        configuration: everything else.
        gates: time constants, in order.
        spread: standard deviation of entries of weights, in units of |W*|.
        num_runs: initial states.
        num_blocks: how long to follow; rounded up to a multiple of 8.
        seed: of the draw.
        method: how to step; boosts on lanes if omitted.

    Returns:
        `share`, `low` and `high` over (gate_time_constant, fate); `label` over (gate_time_constant, fate), which an
        attractor keeps as long as it moves by little, -1 where there is none; `lead` and `along`, its median point.

    Raises:
        ValueError: see `shares_by_spread`.
    """
    cell = cell_of(configuration)
    planes = [dataclasses.replace(cell, gates=float(each)) for each in gates]
    one = sample(jax.random.key(seed), num_runs, spread * float(cell.teacher_norm))
    states = jax.tree.map(lambda leaf: jnp.concatenate([leaf] * len(planes)), one)
    journey = _followed(planes, states, num_blocks, method)
    marks = np.repeat(np.array([landmarks(plane) for plane in planes], float), num_runs, axis=0)
    fates = classify(journey, Landmarks(marks[:, 0], marks[:, 1])).reshape(len(planes), num_runs)
    dataset = _share_table(fates, "gate_time_constant", list(gates))
    labels, points, before = (
        np.full(fates.shape[:1] + (len(FATES),), -1),
        np.full((*fates.shape[:1], len(FATES), 2), np.nan),
        {},
    )
    for k, own in enumerate(fates):
        part = slice(k * num_runs, (k + 1) * num_runs)
        distance, lead, along = (each[:, part] for each in (journey.distance, journey.lead, journey.along))
        found = representatives(Journey(distance, lead, along, journey.result[part]), own)
        here = {FATES.index(fate): point for fate, point in found.items()}
        carried = match(before, here, FARTHEST)
        for place, point in here.items():
            labels[k, place], points[k, place] = carried[place], point
        before |= {carried[place]: point for place, point in here.items()}
    dataset["label"] = (("gate_time_constant", "fate"), labels)
    dataset["lead"] = (("gate_time_constant", "fate"), points[..., 0])
    dataset["along"] = (("gate_time_constant", "fate"), points[..., 1])
    dataset["specialised_distance"] = ("gate_time_constant", [landmarks(plane).specialised for plane in planes])
    return dataset.assign_attrs(_origin(configuration, num_blocks, seed, cell) | {"spread": spread})


def basins_in_plane(
    configuration: Configuration, size: int, num_blocks: int, method: AbstractMethod | None = None
) -> xr.Dataset:
    """The fate of every state in the plane (c_1 - c_2, D_e), with C = 1 and the U of the unspecialised orbit.

    Args:
        configuration: one cell.
        size: points along each axis.
        num_blocks: how long to follow; rounded up to a multiple of 8.
        method: how to step; boosts on lanes if omitted.

    Raises:
        ValueError: see `shares_by_spread`.
    """
    if size < 2:
        raise ValueError(f"size is {size}; give at least 2 points along each axis.")
    plane = cell_of(configuration)
    shared = unspecialised_orbit(plane).state[1:]
    reach = WIDEST * 2 * float(plane.half_distance)
    # No point lies on the axes, where paths are equal for ever.
    lead, along = (size - 1) / size * np.linspace(-1, 1, size), reach * np.linspace(-1, 1, size)
    grid = np.meshgrid(lead, along)
    journey = _followed([plane], at_plane(grid[0].ravel(), grid[1].ravel(), shared), num_blocks, method)
    marks = landmarks(plane)
    dims = ("along", "lead")
    dataset = xr.Dataset(
        {
            "fate": (dims, classify(journey, marks).reshape(size, size)),
            "distance": (dims, journey.distance[-1].reshape(size, size)),
        },
        coords={"lead": lead, "along": along},
        attrs=_origin(configuration, num_blocks, 0, plane) | {"shared": list(shared), "fates": FATE_NAMES},
    )
    dataset["lead"].attrs["long_name"] = "c_1 - c_2 at the start"
    dataset["along"].attrs["long_name"] = "component of W^1 - W^2 along A - B at the start"
    return dataset


def portrait(configuration: Configuration, q: float | None = None) -> xr.Dataset:
    """Field, nullcline, the exact neutral orbit and a few runs in the plane (c_1 - c_2, D_e), for both tasks.

    The field is that of the middle of a block on that orbit, U_e = 0, with C = 1. Runs are simulated for one block of
    A: from where the orbit is at the start, and from the first gate at zero and several D_e with the same U; those of B
    are their mirror images, as paths and tasks are swapped together.

    Args:
        configuration: one cell.
        q: Q tau_W/tau_c of the orbit; if omitted, that of the specialised orbit, or 1 where there is none.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach.
    """
    plane = cell_of(configuration)
    high = contact_band(plane).high
    q = (high if math.isfinite(high) else 1.0) if q is None else q
    orbit = neutral_orbit(plane, q)
    reach = 1.2 * max(float(np.max(orbit.along)), 2 * float(plane.half_distance))
    lead, along = np.linspace(-1, 1, ARROWS), np.linspace(0, reach, ARROWS)
    fine = np.linspace(-1, 1, 201)
    rates = [field(plane, task, 0.0, lead[None, :], along[:, None]) for task in (0, 1)]
    lines = [nullcline(plane, task, 0.0, fine) for task in (0, 1)]
    leads = np.array([max(-1.0, orbit.lead[0]), *(-1.0 for _ in STARTS)])
    starts = np.array([orbit.along[0], *(share * reach for share in STARTS)])
    run_lead, run_along = _through_a_block(plane, leads, starts, float(orbit.shared[0]))
    dims = ("task", "along", "lead")
    dataset = xr.Dataset(
        {
            "lead_rate": (dims, np.stack([rate[0] for rate in rates])),
            "along_rate": (dims, np.stack([rate[1] for rate in rates])),
            "nullcline": (("task", "lead_fine"), np.stack(lines)),
            "orbit_lead": ("time", orbit.lead),
            "orbit_along": ("time", orbit.along),
            "orbit_shared": ("time", orbit.shared),
            "run_lead": (("task", "start", "moment"), np.stack([run_lead, -run_lead])),
            "run_along": (("task", "start", "moment"), np.stack([run_along, run_along])),
        },
        coords={"task": ["A", "B"], "lead": lead, "along": along, "lead_fine": fine, "time": orbit.time},
        attrs={"configuration": json.dumps(plain(configuration)), "q": q},
    )
    dataset["lead"].attrs["long_name"] = "c_1 - c_2"
    dataset["along"].attrs["long_name"] = "component of W^1 - W^2 along A - B"
    return dataset


def _through_a_block(
    plane: TeacherPlane, lead: np.ndarray, along: np.ndarray, shared: float
) -> tuple[np.ndarray, np.ndarray]:
    """c_1 - c_2 and D_e through a block of A, of runs from given ones with C = 1, one U_e, and no common error."""
    system, r = plane_system(plane), float(plane.teacher_norm)
    block = curricula.alternating(2, 1, jnp.asarray(plane.block_duration))
    method = FixedSteps(LorentzBoost(), float(plane.block_duration) / RUN_STEPS)
    networks = at_plane(lead, along, r + shared * np.array([1.0, -1.0]) / math.sqrt(2))
    recorded = {"gates": observables.gates, "cross": observables.teacher_overlaps}

    def run(network: GatedLinear) -> tuple[Array, Array]:
        values = simulate(
            system, block, system.initial_state(network), method=method, observables=recorded, records_per_block=MOMENTS
        ).values
        difference = values["cross"][:, 0] - values["cross"][:, 1]
        return values["gates"] @ jnp.array([1.0, -1.0]), difference @ jnp.array([1.0, -1.0]) / (math.sqrt(2) * r)

    found = jax.jit(jax.vmap(run))(networks)
    return np.asarray(found[0]), np.asarray(found[1])


def basin_report(dataset: xr.Dataset) -> list[str]:
    """Shares in lines, with their intervals."""
    over = str(dataset.share.dims[0])
    lines = []
    for value in dataset[over].values:
        row = dataset.sel({over: value})
        parts = [
            f"{fate} {float(row.share.sel(fate=fate)):.2f} [{float(row.low.sel(fate=fate)):.2f}, "
            f"{float(row.high.sel(fate=fate)):.2f}]"
            for fate in FATE_NAMES
            if float(row.share.sel(fate=fate)) > 0
        ]
        lines.append(f"{over} {value:g}: " + "; ".join(parts))
    return lines


def _followed(
    planes: Sequence[TeacherPlane], states: GatedLinear, num_blocks: int, method: AbstractMethod | None
) -> Journey:
    """Runs of several cells, as many of each in turn, with the steps of the one that needs the shortest."""
    if num_blocks < 8:
        raise ValueError(f"num_blocks is {num_blocks}; a quarter has at least 2 blocks, so give 8 or more.")
    systems = [plane_system(plane) for plane in planes]
    fastest = systems[int(np.argmin([float(plane.gates) for plane in planes]))]
    largest = int(np.argmax(np.linalg.norm(np.asarray(states.weights).reshape(len(states.gates), -1), axis=1)))
    first = fastest.initial_state(jax.tree.map(lambda leaf: leaf[largest], states))
    quarter = curricula.alternating(2, 2 * math.ceil(num_blocks / 8), jnp.asarray(planes[0].block_duration))
    method = LaneBoosts() if method is None else method
    map = StroboscopicMap.of(fastest, quarter, first, method=method)
    if len(planes) == 1:
        return follow(map, states)
    each = len(states.gates) // len(planes)
    stacked = jax.tree.map(lambda *leaves: jnp.repeat(jnp.stack([jnp.asarray(x) for x in leaves]), each, 0), *systems)
    return follow(map, states, stacked)


def _share_table(fates: np.ndarray, over: str, values: list[float]) -> xr.Dataset:
    """Counts and shares with their intervals; rows are along `over`."""
    counts = np.stack([np.bincount(row, minlength=len(FATES)) for row in fates])
    found = [[share(count, fates.shape[1], CONFIDENCE) for count in row] for row in counts.tolist()]
    dims = (over, "fate")
    numbers = {name: (dims, np.array([[getattr(x, name) for x in row] for row in found])) for name in ("low", "high")}
    dataset = xr.Dataset(
        {"share": (dims, counts / fates.shape[1]), **numbers, "count": (dims, counts), "code": ((over, "run"), fates)},
        coords={over: values, "fate": FATE_NAMES},
    )
    dataset["share"].attrs["long_name"] = "share of runs"
    dataset["code"].attrs["long_name"] = "fate of every run, as a place along `fate`"
    return dataset


def _origin(configuration: Configuration, num_blocks: int, seed: int, plane: TeacherPlane) -> dict:
    return {
        "configuration": json.dumps(plain(configuration)),
        "num_blocks": 8 * math.ceil(num_blocks / 8),
        "seed": seed,
        "confidence": CONFIDENCE,
        "specialised_distance": landmarks(plane).specialised,
    }
