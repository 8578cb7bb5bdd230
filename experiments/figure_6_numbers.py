"""What figure 6 must show: the published alignment over time, and how the second layer gates in another simulation."""

import numpy as np
import xarray as xr

from experiments.acceptance import (
    Acceptance,
    at_least,
    at_most,
    between,
    mean_of,
    near,
    reported,
    single,
)
from experiments.figure_run import Data
from experiments.two_layers import REGIMES, at_time

# Time -> the published curve and what another simulation gave, which may be an interval.
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

# (flexible, forgetful, tolerance): ten seeds of another simulation, which give no tolerance. Ours, chosen beforehand:
# 15 % or, where numbers are small, what the seeds of such runs commonly scatter by.
GATING = {
    "share": (0.75, 0.24, 0.1),
    "participation": (1.9, 8.0, 0.5),
    "winners": (19.0, 9.4, 1.5),
    "kept_winners": (0.3, 8.7, 1.0),
    "layer_2_change": (1.17, 0.39, 0.1),
    "layer_1_change": (0.11, 0.90, 0.1),
}
NORM = (1.08, 1.15)
DISTINCT = {"flexible": (18, 20), "forgetful": (7, 11)}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: as `two_layers.run` returns it.

    Returns:
        The rows; those of the flow, of which nothing is demanded, come last.
    """
    failed = sum(int((dataset.result != 0).sum()) for dataset in data.values())
    flexible, forgetful = data["flexible"], data["forgetful"]
    rows = [at_most("repetitions that failed", 0, single(failed))]
    for time, (low, high) in ALIGNMENT.items():
        name, note = f"B flexible: total alignment at t = {time}", "published curve and another simulation"
        found = mean_of(at_time(flexible.alignment, time))
        rows.append(between(name, (low, high), found, ALIGNMENT_TOLERANCE, note))
    rows += _forgetful_alignment(forgetful)
    for name, (*expected, tolerance) in GATING.items():
        for regime, value in zip(REGIMES, expected, strict=True):
            series = data[regime][name]
            text = f"{regime}: {series.attrs['long_name']}"
            rows.append(near(text, value, tolerance, mean_of(series.values), "another simulation; tolerance ours"))
    rows += _bounds(flexible, forgetful)
    return [*rows, *_further(data)]


def _forgetful_alignment(forgetful: xr.Dataset) -> list[Acceptance]:
    """It rises in the middle of blocks and falls to their ends; over the last five whole blocks."""
    whole = np.unique(forgetful.block.values)[-6:-1]
    mean = forgetful.alignment.values.mean(axis=0)
    by_block = [mean[forgetful.block.values == block] for block in whole]
    found = {"lowest": np.mean([item.min() for item in by_block]), "highest": np.mean([item.max() for item in by_block])}
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
    rows = [
        between("flexible: Frobenius norm of W2 at the end", NORM, mean_of(flexible.norm.values), 0.05, "tolerance ours"),
        at_least("flexible: units that ever win, of 20", 17, mean_of(flexible.winners.values)),
        at_most("forgetful: units that ever win, of 20", 13, mean_of(forgetful.winners.values)),
        at_most("flexible: relative change of W1 between tasks", 0.25, mean_of(flexible.layer_1_change.values), note=note),
        at_least("forgetful: relative change of W1 between tasks", 0.7, mean_of(forgetful.layer_1_change.values)),
    ]
    for regime, dataset in (("flexible", flexible), ("forgetful", forgetful)):
        found = mean_of(dataset.distinct_units.values)
        rows.append(between(f"{regime}: {dataset.distinct_units.attrs['long_name']}", DISTINCT[regime], found))
    return rows


def _further(data: Data) -> list[Acceptance]:
    rows = [
        reported(f"{regime}: alignment at the end, optimal assignment", mean_of(data[regime].optimal_alignment.values[:, -1]))
        for regime in REGIMES
    ]
    if "flow_flexible" not in data:
        return rows
    flow = data["flow_flexible"]
    note = "population flow"
    rows += [
        reported(f"flexible, small steps: total alignment at t = {time}", mean_of(at_time(flow.alignment, time)), note)
        for time in ALIGNMENT
    ]
    for regime in REGIMES:
        for name in ("layer_1_change", "layer_2_change", "distinct_units"):
            series = data[f"flow_{regime}"][name]
            text = f"{regime}, small steps: {series.attrs['long_name']}"
            rows.append(reported(text, mean_of(series.values), note))
    return rows
