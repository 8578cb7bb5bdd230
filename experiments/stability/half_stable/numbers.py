"""What disturbed runs around the specialised orbit must show, and what other networks do over hundreds of blocks."""

from typing import cast

import numpy as np
import xarray as xr
from scipy.stats import binomtest

from experiments.harness.acceptance import Acceptance, Measurement, at_most, median_of, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, OURS
from experiments.stability.half_stable.simulation import SYSTEMS, TIME_CONSTANTS
from ntadyn.stability import TeacherPlane, specialised_distance

PLANE = TeacherPlane(
    block_duration=1.0,
    gates=TIME_CONSTANTS["gates"],
    weights=TIME_CONSTANTS["weights"],
    unit_l1=1 / 1.1,
    nonnegative=0.1 / 1.1,
)
AT_ORBIT = 1e-3  # of |W^1 - W^2|, for a run that has returned
# Event-exact runs of another program: share that returns of 40 within 3,000 blocks, and medians under noise.
RETURN = {1e-6: 0.28, 1e-3: 0.20, 1e-2: 0.35, 3e-2: 0.18}
NUMBER = 40
UNDER_NOISE = {1e-3: {100: 0.985, 500: 1.03}, 1e-2: {100: 1.15, 500: 1.53}}
EARLY = 100  # blocks; by then small weights have specialised
GROWN = 1.05  # |W^p - W^q| over that after EARLY blocks, of a run that runs away


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.
    """
    once = data["once"]
    predicted, found = specialised_distance(PLANE), float(once.orbit_distance)
    rows = [
        at_most("S: change in one period, tasks and paths renamed", 1e-10, single(once.orbit_residual), OURS),
        near("S: |W^1 - W^2|, hard norm", predicted, 3e-3, single(found), EXACT, "upper end of the contact band"),
        near("S: |W^1 - W^2|", 0.97620, 1e-4, single(found), OTHER, "event-exact"),
        *(_returns(once, size) for size in once.size.values),
        *(
            reported(f"disturbed by {size:g}: |W^1 - W^2| of those that do not, median", _lost(once.sel(size=size)))
            for size in once.size.values
        ),
    ]
    rows += _under_noise(data["always"])
    for name in SYSTEMS:
        if name in data:
            rows += _of_system(name, data[name])
    return rows


def returned(once: xr.Dataset) -> xr.DataArray:
    """Whether a run is at S at its end: as far apart as S, and a gate is still held at zero after every block."""
    last = once.isel(block=-1)
    return (abs(last.distance - once.orbit_distance) < AT_ORBIT) & (last.smallest_gate == 0)


def interval(successes: int, number: int) -> tuple[float, float]:
    """Wilson's interval of 95 % for a share."""
    found = binomtest(successes, number).proportion_ci(method="wilson")
    return cast(float, found.low), cast(float, found.high)


def _returns(once: xr.Dataset, size: float) -> Acceptance:
    at = returned(once.sel(size=size)).values
    low, high = interval(int(at.sum()), at.size)
    share = RETURN[float(size)]
    slack = 3 * (share * (1 - share) * (1 / NUMBER + 1 / at.size)) ** 0.5
    return near(
        f"disturbed by {size:g}: share that returns in {once.sizes['block']} blocks",
        share,
        slack,
        Measurement(float(at.mean()), None, at.size),
        OTHER,
        f"Wilson 95 %: {low:.2f} to {high:.2f}",
    )


def _lost(once: xr.Dataset) -> Measurement:
    lost = once.distance.isel(block=-1).values[~returned(once).values]
    return median_of(lost) if lost.size > 1 else single(lost[0] if lost.size else np.nan)


def _under_noise(always: xr.Dataset) -> list[Acceptance]:
    rows = []
    for noise, medians in UNDER_NOISE.items():
        runs = always.distance.sel(noise=noise)
        for block in (*medians, always.sizes["block"]):
            if block <= always.sizes["block"]:
                note = f"another simulation: {medians[block]:g}" if block in medians else ""
                name = f"disturbed by {noise:g} after every block: |W^1 - W^2| after {block}, median"
                rows.append(reported(name, median_of(runs.isel(block=block - 1).values), note))
    return rows


def _of_system(name: str, runs: xr.Dataset) -> list[Acceptance]:
    blocks = runs.sizes["block"]
    early, last = (runs.distance.isel(block=block - 1).values for block in (min(EARLY, blocks), blocks))
    grown = Measurement(float((last > GROWN * early).mean()), None, last.size)
    summary = median_of if last.size > 1 else lambda values: single(values[0])
    note = f"{runs.attrs['ended_well']} of {last.size} runs ended well"
    return [
        reported(f"{name}, small weights: |W^p - W^q| after {min(EARLY, blocks)} blocks", summary(early), note),
        reported(f"{name}, small weights: |W^p - W^q| after {blocks} blocks", summary(last)),
        reported(f"{name}, small weights: share that has grown by 5 %", grown),
    ]
