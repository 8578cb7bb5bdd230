"""Orbits and border of a configuration as labelled data sets, and what they say in a few lines."""

import dataclasses
import json
import math
from collections.abc import Sequence

import diffrax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.dynamics import OrderParameters
from ntadyn.dynamics.order_parameters import OrderParameterState
from ntadyn.networks import GatedLinear
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.specs.building import build, first, keys_of
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import plain, replaced
from ntadyn.specs.teacher_plane import cell_of, check_in_plane, spread_of
from ntadyn.stability import (
    SWAPPED_TASKS,
    OrbitStatus,
    StroboscopicMap,
    band_fold,
    contact_band,
    contact_probability,
    find_periodic,
    gate_swing,
    glide_length,
    growth,
    hinge_bound,
    multipliers,
    negative_probability,
    predicted_border,
    specialised_distance,
    specialised_probability,
    teacher_frame,
    time_to_specialise,
    unspecialised_orbit,
)
from ntadyn.tasks import curricula

COMPONENTS = ["gates", "A", "B"]
MOST_BLOCKS, SWINGS = 12, 121
# Steps per block of the whole system's orbit; explicit steps are divided where they have to be.
STEPS = 32
AGREES = 1e-4


def orbits_of_plane(configuration: Configuration) -> xr.Dataset:
    """The unspecialised orbit, growth along a run, the band of contact, and what is predicted of runs.

    Args:
        configuration: one cell.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach.
    """
    plane, spread, until = cell_of(configuration), spread_of(configuration), float(configuration.curriculum.end)
    negative = negative_probability(plane, until, spread)  # first, as it refuses runs that take too many steps
    orbit, band = unspecialised_orbit(plane), contact_band(plane)
    num_blocks = min(MOST_BLOCKS, max(1, math.ceil(until / plane.block_duration)))
    ends = [each for each in band if math.isfinite(each)] or [1.0]
    q = np.geomspace(min(1e-2, 0.3 * ends[0]), max(1e2, 3 * ends[-1]), SWINGS)
    probabilities = contact_probability(plane, until, spread), specialised_probability(plane, until, spread)
    numbers = {
        "growth_per_block": (orbit.antisymmetric[0], "mu: by how much a difference of the paths grows per block"),
        "glide_length": (glide_length(plane, orbit), "log mu to first order in the common error"),
        "rapidity": (orbit.rapidity, "Theta: boosts within a block are as large as e^Theta"),
        "q_low": (band.low, "smallest Q tau_W/tau_c of a neutral orbit that reaches a gate of zero"),
        "q_high": (band.high, "largest Q tau_W/tau_c of a neutral orbit that reaches a gate of zero"),
        "specialised_distance": (specialised_distance(plane), "|W^1 - W^2| of the specialised orbit"),
        "band_fold": (band_fold(plane).gates, "gate time constant at which the band closes"),
        "contact_probability": (probabilities[0], "predicted share of runs in which a gate reaches zero"),
        "predicted_share": (probabilities[1], "predicted share of specialised runs"),
        "time_after_contact": (time_to_specialise(plane), "from contact to specialisation, a fit"),
        "hinge": (plane.nonnegative, "slope of the hinge, k_nn"),
        "negative_probability": (negative, "predicted share of runs with a negative gate at the end of training"),
        "hinge_bound": (hinge_bound(plane), "slope above which no gate becomes negative, a sufficient bound"),
    }
    dataset = xr.Dataset(
        {name: ((), float(value), {"long_name": text}) for name, (value, text) in numbers.items()},
        coords={"component": COMPONENTS, "q": q, "block": np.arange(1, num_blocks + 1)},
    )
    dataset["unspecialised"] = ("component", orbit.state)
    dataset["gate_swing"] = ("q", [gate_swing(plane, each) for each in q])
    dataset["gate_difference"] = ("block", spread * growth(plane, num_blocks))
    dataset["unspecialised"].attrs["long_name"] = "C and U along the teachers, at the start of a block of A"
    dataset["gate_swing"].attrs["long_name"] = "largest difference of gates in a neutral orbit"
    dataset["gate_difference"].attrs["long_name"] = "largest standard deviation of (c_1 - c_2)/C in a block"
    dataset.attrs |= {"configuration": json.dumps(plain(configuration)), "training_time": until}
    return dataset


def half_period(configuration: Configuration) -> tuple[StroboscopicMap, GatedLinear]:
    """The map of one block of A, and the names of the tasks swapped; and a network next to its fixed point.

    Without contact nothing is kinked, so the map is made by a method of order eight, which knows nothing of the plane.

    Args:
        configuration: one cell.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach.
    """
    check_in_plane(configuration)
    flow = replaced(configuration, {"dynamics": Dynamics.ORDER_PARAMETERS})
    duration = configuration.curriculum.block_duration
    system, _ = build(flow, first(keys_of(0, [(0, 0, 0)])))
    assert isinstance(system, OrderParameters)
    whole, guess = teacher_frame(system, _next_to_equal(system, duration))
    block = curricula.alternating(2, 1, jnp.asarray(duration, whole.dtype))
    method = FixedSteps(diffrax.Dopri8(), duration / STEPS)
    return StroboscopicMap.of(whole, block, guess, SWAPPED_TASKS, method), guess


def unspecialised_in_whole(configuration: Configuration) -> xr.Dataset:
    """The unspecialised orbit of the whole system: the fixed point of `half_period`, and all its multipliers.

    Args:
        configuration: one cell.
    """
    orbit = find_periodic(*half_period(configuration))
    plane = cell_of(configuration)
    found, state = multipliers(orbit), unspecialised_orbit(plane)
    shared = np.array([jnp.sum(orbit.state.gates), *jnp.sum(orbit.state.weights[:, 0, :2], axis=0)])
    agrees = (
        orbit.status is OrbitStatus.CONVERGED
        and np.max(np.abs(shared - state.state)) < AGREES
        and np.min(np.abs(found.values - state.antisymmetric[0])) < AGREES
    )
    return xr.Dataset(
        {
            "whole_unspecialised": ("component", shared),
            "multiplier": ("direction", np.real(found.values)),
            "multiplier_imaginary": ("direction", np.imag(found.values)),
            "residual": ((), orbit.residual),
            "neutral_dimension": ((), orbit.neutral_dimension),
            "num_unstable": ((), found.num_unstable),
            "digits_lost": ((), found.digits_lost),
            "agrees": ((), int(agrees)),
        },
        coords={"component": COMPONENTS, "label": ("direction", [each.value for each in found.labels])},
        attrs={"status": orbit.status.value},
    )


def border_of_plane(
    configuration: Configuration, durations: Sequence[float], between: tuple[float, float]
) -> xr.Dataset:
    """The predicted border and the fold of the contact band, over block durations.

    Args:
        configuration: everything but block durations and gate time constants.
        durations: of blocks.
        between: gate time constants in which the border is sought.

    Raises:
        ValueError: for a configuration that the theory in the plane does not reach.
    """
    plane, spread, until = cell_of(configuration), spread_of(configuration), float(configuration.curriculum.end)
    cells = [dataclasses.replace(plane, block_duration=duration) for duration in durations]
    dataset = xr.Dataset(coords={"block_duration": list(durations)})
    dataset["predicted_border"] = (
        "block_duration",
        [float(predicted_border(cell, until, spread, between)) for cell in cells],
    )
    dataset["band_fold"] = ("block_duration", [band_fold(cell).gates for cell in cells])
    dataset["predicted_border"].attrs["long_name"] = "gate time constant at which half of all runs specialise"
    dataset["band_fold"].attrs["long_name"] = "gate time constant at which the contact band closes"
    dataset["block_duration"].attrs["long_name"] = "block duration"
    dataset.attrs |= {
        "configuration": json.dumps(plain(configuration)),
        "training_time": until,
        "sought_between": list(between),
    }
    return dataset


def cell_report(dataset: xr.Dataset) -> list[str]:
    """What `orbits_of_plane` and `unspecialised_in_whole` found, in lines."""
    total, along_a, along_b = dataset.unspecialised.values
    mu, until = float(dataset.growth_per_block), dataset.attrs["training_time"]
    moving = f", by e in {1 / math.log(mu):,.0f} blocks" if mu - 1 > 1e-6 else ""
    lines = [
        f"unspecialised orbit   C = {total:.6f}, U_A = {along_a:.6f}, U_B = {along_b:.6f}",
        f"  whole system        {dataset.attrs['status']}, residual {float(dataset.residual):.1e}, "
        f"{int(dataset.num_unstable)} unstable and {int(dataset.neutral_dimension)} neutral directions, "
        f"{float(dataset.digits_lost):.1f} digits lost",
        f"  growth per block    mu = {mu:.8f}{moving} (formula: {math.exp(float(dataset.glide_length)):.8f})",
    ]
    if math.isnan(float(dataset.q_low)):
        lines.append("contact band          none: no symmetric orbit has a gate that reaches zero")
    else:
        lines.append(
            f"contact band          {float(dataset.q_low):.5g} < Q tau_W/tau_c < {float(dataset.q_high):.6g}; closed "
            f"from tau_c = {float(dataset.band_fold):.6g} on"
        )
        lines.append(f"specialised orbit     |W^1 - W^2| = {float(dataset.specialised_distance):.5f}")
    lines += [
        f"runs until t = {until:g}     a gate reaches zero in {float(dataset.contact_probability):.3f} of them, "
        f"{float(dataset.predicted_share):.3f} specialise (fit: {float(dataset.time_after_contact):.3g} later)",
        f"hinge                 {float(dataset.hinge):.4g}; {float(dataset.negative_probability):.3f} of all runs end "
        f"with a negative gate, none for sure above {float(dataset.hinge_bound):.4g}",
    ]
    return lines


def border_report(dataset: xr.Dataset) -> list[str]:
    """What `border_of_plane` found, in lines."""
    low, high = dataset.attrs["sought_between"]
    lines = [f"{'block duration':>15}{'predicted border':>18}{'band closes':>13}"]
    for item, border, fold in zip(
        dataset.block_duration.values, dataset.predicted_border.values, dataset.band_fold.values, strict=True
    ):
        edge = "<" if border <= low * 1.001 else ">" if border >= high / 1.001 else ""
        lines.append(f"{item:15.4g}{edge + format(border, '.5f'):>18}{fold:13.5f}")
    return lines


def _next_to_equal(system: OrderParameters, duration: float) -> OrderParameterState:
    """C = 1, U = 2 (q A + B) / (1 + q), q = e^(-tau_B / 2 tau_W): the orbit of equal paths under gates of norm one."""
    decayed = jnp.exp(-duration / (2 * system.time_constants["weights"]))
    shares = jnp.stack([decayed, jnp.ones_like(decayed)]) / (1 + decayed)
    teachers = jnp.sum(system.teacher_overlaps, axis=0)
    cross = jnp.stack([teachers @ shares] * 2)
    return OrderParameterState(
        gates=jnp.full(2, 0.5, system.dtype),
        students=jnp.full((1, 2, 2), shares @ teachers @ shares),
        cross=cross[None],
    )
