"""What figure 6 must show: the published alignment over time, and how the second layer gates in another simulation."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    at_least,
    at_most,
    between,
    mean_of,
    near,
    reported,
    single,
)
from experiments.harness.figure_run import Data
from experiments.harness.outcomes import no_failures
from experiments.sandbrink_2024.two_layers import REGIMES, at_time

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
FORGETFUL_ALIGNMENT = {"lowest": 0.28, "highest": 0.39}

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
NORM = (1.08, 1.15)
WITHOUT_NOISE = {"steps": "published steps", "flow": "small steps"}
DISTINCT = {"flexible": (18, 20), "forgetful": (7, 11)}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: as `two_layers.run` returns it.

    Returns:
        The rows; those without noise, of which nothing is demanded, come last.
    """
    rows = [no_failures(*data.values()), *alignment_rows(data["flexible"], "B")]
    rows += _forgetful_alignment(data["forgetful"])
    rows += gating_rows(data, tuple(GATING))
    rows += winner_bounds(data)
    rows += _bounds(data["flexible"], data["forgetful"])
    return [*rows, *distinct_rows(data), *_further(data)]


def alignment_rows(flexible: xr.Dataset, panel: str) -> list[Acceptance]:
    """Total alignment over time."""
    note = "published curve and another simulation"
    return [
        between(
            f"{panel} flexible: total alignment at t = {time}",
            interval,
            mean_of(at_time(flexible.alignment, time)),
            ALIGNMENT_TOLERANCE,
            note,
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
            rows.append(near(text, value, tolerance, mean_of(series.values), "another simulation; tolerance ours"))
    return rows


def winner_bounds(data: Data) -> list[Acceptance]:
    """How many units ever win."""
    flexible, forgetful = (mean_of(data[regime].winners.values) for regime in REGIMES)
    return [
        at_least("flexible: units that ever win, of 20", 17, flexible),
        at_most("forgetful: units that ever win, of 20", 13, forgetful),
    ]


def distinct_rows(data: Data) -> list[Acceptance]:
    """How many units the published matching uses."""
    return [
        between(f"{regime}: {data[regime].distinct_units.attrs['long_name']}", DISTINCT[regime], found)
        for regime in REGIMES
        for found in [mean_of(data[regime].distinct_units.values)]
    ]


def _forgetful_alignment(forgetful: xr.Dataset) -> list[Acceptance]:
    """It rises in the middle of blocks and falls to their ends; over the last five whole blocks."""
    whole = np.unique(forgetful.block.values)[-6:-1]
    mean = forgetful.alignment.values.mean(axis=0)
    by_block = [mean[forgetful.block.values == block] for block in whole]
    found = {
        "lowest": np.mean([item.min() for item in by_block]),
        "highest": np.mean([item.max() for item in by_block]),
    }
    return [
        near(
            f"B forgetful: {which} alignment of late blocks",
            expected,
            ALIGNMENT_TOLERANCE,
            single(found[which]),
            "another simulation",
        )
        for which, expected in FORGETFUL_ALIGNMENT.items()
    ]


def _bounds(flexible: xr.Dataset, forgetful: xr.Dataset) -> list[Acceptance]:
    note = "the cleanest statement that the second layer switches and the first one stays"
    stays, moves = (mean_of(dataset.layer_1_change.values) for dataset in (flexible, forgetful))
    return [
        between(
            "flexible: Frobenius norm of W2 at the end", NORM, mean_of(flexible.norm.values), 0.05, "tolerance ours"
        ),
        at_most("flexible: relative change of W1 between tasks", 0.25, stays, note=note),
        at_least("forgetful: relative change of W1 between tasks", 0.7, moves, note=note),
    ]


def _further(data: Data) -> list[Acceptance]:
    rows = [
        reported(f"{regime}: {series.attrs['long_name']}, at the end", mean_of(series.values[:, -1]))
        for regime in REGIMES
        for series in [data[regime].optimal_alignment]
    ]
    for prefix, how in WITHOUT_NOISE.items():
        if f"{prefix}_flexible" in data:
            rows += _without_noise(data, prefix, how)
    return rows


def _without_noise(data: Data, prefix: str, how: str) -> list[Acceptance]:
    note, alignment = "population, no noise", data[f"{prefix}_flexible"].alignment
    rows = [
        reported(f"flexible, {how}: total alignment at t = {time}", mean_of(at_time(alignment, time)), note)
        for time in ALIGNMENT
    ]
    for regime in REGIMES:
        for name in ("layer_1_change", "layer_2_change", "distinct_units"):
            series = data[f"{prefix}_{regime}"][name]
            rows.append(reported(f"{regime}, {how}: {series.attrs['long_name']}", mean_of(series.values), note))
    return rows
