"""What is known of the fully connected network of figures 6 and A4 to A6: a published curve, and another simulation."""

from collections.abc import Sequence

import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, between, mean_of, near
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS, PICTURE, both
from experiments.sandbrink_2024.runs.two_layers import REGIMES, at_time

# Time -> the published curve and what another simulation gave.
ALIGNMENT = {
    1: (0.40, 0.43),
    2: (0.62, 0.63),
    5: (0.74, 0.78),
    10: (0.77, 0.82),
    20: (0.81, 0.85),
    30: (0.83, 0.87),
}
ALIGNMENT_TOLERANCE = 0.05

# (flexible, forgetful, tolerance): ten seeds of another simulation. They came without tolerances; those here are ours
# and were chosen beforehand.
GATING = {
    "share": (0.75, 0.24, 0.1),
    "participation": (1.9, 8.0, 0.5),
    "winners": (19.0, 9.4, 1.5),
    "kept_winners": (0.3, 8.7, 1.0),
    "layer_2_change": (1.17, 0.39, 0.1),
    "layer_1_change": (0.11, 0.90, 0.1),
}
WITHOUT_NOISE = {"steps": "published steps", "flow": "small steps"}
DISTINCT = {"flexible": (18, 20), "forgetful": (7, 11)}


def alignment_rows(flexible: xr.Dataset, panel: str) -> list[Acceptance]:
    """Total alignment over time."""
    return [
        between(
            f"{panel} flexible: total alignment at t = {time}",
            interval,
            mean_of(at_time(flexible.alignment, time)),
            both(PICTURE, OTHER),
            ALIGNMENT_TOLERANCE,
        )
        for time, interval in ALIGNMENT.items()
    ]


def gating_rows(data: Data, names: Sequence[str]) -> list[Acceptance]:
    """Some of `GATING`, for both regimes."""
    rows = []
    for name in names:
        *expected, tolerance = GATING[name]
        for regime, value in zip(REGIMES, expected, strict=True):
            series = data[regime][name]
            text = f"{regime}: {series.attrs['long_name']}"
            rows.append(near(text, value, tolerance, mean_of(series.values), OTHER, "tolerance ours"))
    return rows


def winner_bounds(data: Data) -> list[Acceptance]:
    """How many units ever win."""
    flexible, forgetful = (mean_of(data[regime].winners.values) for regime in REGIMES)
    return [
        at_least("flexible: units that ever win, of 20", 17, flexible, OURS),
        at_most("forgetful: units that ever win, of 20", 13, forgetful, OURS),
    ]


def distinct_rows(data: Data) -> list[Acceptance]:
    """How many units the published matching uses."""
    return [
        between(f"{regime}: {data[regime].distinct_units.attrs['long_name']}", DISTINCT[regime], found, OTHER)
        for regime in REGIMES
        for found in [mean_of(data[regime].distinct_units.values)]
    ]
