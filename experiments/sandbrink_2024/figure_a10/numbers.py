"""What figure A10 must show."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, furthest, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, PICTURE, both
from experiments.sandbrink_2024.numbers.specialisation import row_of, stored_values
from experiments.sandbrink_2024.runs.specialisation import EARLY, LATE, curves_of
from ntadyn.verification import exact_solution

# Panels B to D for the five ratios, by an independent integration that agrees with the published pictures to 0.005.
LATE_WBAR = {"wbar_1": (0.9956, 0.9886, 0.9674, 0.8987, 0.6967), "wbar_2": (0.9930, 0.9814, 0.9503, 0.8739, 0.7242)}
ERRORS = (0.4, (0.3766, 0.3599, 0.3339, 0.3020, 0.2842))  # eps_1, and -eps_2 there
HALVED = {"eps_1": (0.0708, 0.1245, 0.2155, 0.3550, 0.5170), "-eps_2": (0.0672, 0.1140, 0.1865, 0.2873, 0.4036)}
OF_PANELS = 1e-3


def accept(data: Data) -> list[Acceptance]:
    """The exact curve everywhere, the other panels, and the stored numbers early and late in the block."""
    flow = curves_of(data["flow"])
    rows = [row_of(check, EXACT, "largest distance over the block") for check in exact_solution(flow, 1e-4)]
    rows += assumptions(data["flow"])
    stored = stored_values(flow)
    for when in (EARLY, LATE):
        error = max(_distance(row) for row in stored if f"{when}" in row.name)
        note = "not demanded of the flow: stored numbers carry the rounding of Euler steps in single precision"
        rows.append(reported(f"flow, largest distance from stored numbers at t = {when}", single(error), note))
    if "published_scheme" in data:
        rows += stored_values(curves_of(data["published_scheme"]))
    return rows


def assumptions(flow: xr.Dataset) -> list[Acceptance]:
    """Panels B to D: both sides of the two assumptions.

    Args:
        flow: over (ratio, record).

    Returns:
        One row per quantity, of the ratio that is furthest from what is expected.
    """
    source, note = both(OTHER, PICTURE), "furthest of five ratios"
    late = flow.isel(record=int(np.argmin(np.abs(flow.time.values - LATE))))
    errors = {"eps_1": flow.error_1.values, "-eps_2": -flow.error_2.values}
    level, expected = ERRORS
    rows = [
        furthest(f"B: {name} at t = {LATE} tau_W", values, OF_PANELS, late[name].values, source, note)
        for name, values in LATE_WBAR.items()
    ]
    found = [_first_crossing(one, two, level) for one, two in zip(errors["eps_1"], errors["-eps_2"], strict=True)]
    rows.append(furthest(f"C: -eps_2 where eps_1 = {level}", expected, OF_PANELS, found, source, note))
    for name, values in HALVED.items():
        found = [_first_crossing(course, flow.time.values, 0.5) for course in errors[name]]
        rows.append(furthest(f"D: time at which {name} = 0.5, in tau_W", values, OF_PANELS, found, source, note))
    return rows


def _distance(row: Acceptance) -> float:
    assert isinstance(row.expected, float)
    return abs(row.measured.value - row.expected)


def _first_crossing(falling: np.ndarray, other: np.ndarray, level: float) -> float:
    """`other` where `falling` first reaches a level, between two records; NaN if it never does."""
    after = int(np.argmax(falling <= level))
    if after == 0:
        return np.nan
    share = (falling[after - 1] - level) / (falling[after - 1] - falling[after])
    return float(other[after - 1] + share * (other[after] - other[after - 1]))
