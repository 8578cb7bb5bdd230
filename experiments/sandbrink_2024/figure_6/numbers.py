"""What figure 6 must show: the published alignment over time, and how the second layer gates in another simulation."""

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
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS
from experiments.sandbrink_2024.numbers.two_layers import (
    ALIGNMENT,
    ALIGNMENT_TOLERANCE,
    GATING,
    WITHOUT_NOISE,
    alignment_rows,
    distinct_rows,
    gating_rows,
    winner_bounds,
)
from experiments.sandbrink_2024.runs.two_layers import REGIMES, at_time

FORGETFUL_ALIGNMENT = {"lowest": 0.28, "highest": 0.39}

NORM = (1.08, 1.15)


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `two_layers.runs`.

    Returns:
        The rows; those without noise, of which nothing is demanded, come last.
    """
    rows = [no_failures(*data.values()), *alignment_rows(data["flexible"], "B")]
    rows += _forgetful_alignment(data["forgetful"])
    rows += gating_rows(data, tuple(GATING))
    rows += winner_bounds(data)
    rows += _bounds(data["flexible"], data["forgetful"])
    return [*rows, *distinct_rows(data), *_further(data)]


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
            OTHER,
        )
        for which, expected in FORGETFUL_ALIGNMENT.items()
    ]


def _bounds(flexible: xr.Dataset, forgetful: xr.Dataset) -> list[Acceptance]:
    note = "the cleanest statement that the second layer switches and the first one stays"
    stays, moves = (mean_of(dataset.layer_1_change.values) for dataset in (flexible, forgetful))
    return [
        between(
            "flexible: Frobenius norm of W2 at the end",
            NORM,
            mean_of(flexible.norm.values),
            OTHER,
            0.05,
            "tolerance ours",
        ),
        at_most("flexible: relative change of W1 between tasks", 0.25, stays, OURS, note=note),
        at_least("forgetful: relative change of W1 between tasks", 0.7, moves, OURS, note=note),
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
