"""What figure A7 must show: the published maps, read off their colours, and those of another simulation."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    at_least,
    at_most,
    between,
    mean_of,
    reported,
    single,
)
from experiments.harness.map_tables import is_inside
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS, PICTURE, both

BLOCK_DURATIONS = (0.8, 0.6, 0.4, 0.2, 0.1)
COLUMNS = {
    "layer_speed": ("layer_time_constant", (0.02, 0.015, 0.0125, 0.01, 0.0075)),
    "penalty": ("strength", (0.0, 0.2, 0.25, 0.3, 0.35)),
}
# Colours of the published maps end at 0.7; NaN below.
_LOW = np.nan
PUBLISHED = {
    "layer_speed": np.array([
        [_LOW, 0.79, 0.88, 0.91, 0.91],
        [_LOW, 0.84, 0.88, 0.92, 0.89],
        [_LOW, 0.83, 0.88, 0.88, 0.89],
        [_LOW, _LOW, 0.74, 0.88, 0.88],
        [_LOW, _LOW, _LOW, _LOW, _LOW],
    ]),
    "penalty": np.array([
        [_LOW, 0.84, 0.91, 0.88, 0.78],
        [_LOW, 0.89, 0.92, 0.89, _LOW],
        [_LOW, 0.91, 0.88, 0.88, 0.71],
        [_LOW, 0.77, 0.88, 0.88, 0.88],
        [_LOW, _LOW, _LOW, _LOW, _LOW],
    ]),
}  # fmt: skip
ANOTHER = {
    ("layer_speed", "published"): np.array([
        [0.78, 0.87, 0.89, 0.92, 0.91],
        [0.80, 0.88, 0.87, 0.90, 0.91],
        [0.68, 0.85, 0.90, 0.89, 0.90],
        [0.66, 0.68, 0.72, 0.85, 0.87],
        [0.67, 0.67, 0.67, 0.67, 0.61],
    ]),
    ("penalty", "published"): np.array([
        [0.32, 0.88, 0.92, 0.89, 0.67],
        [0.36, 0.89, 0.90, 0.90, 0.65],
        [0.38, 0.89, 0.89, 0.87, 0.67],
        [0.40, 0.78, 0.85, 0.89, 0.86],
        [0.40, 0.66, 0.67, 0.47, 0.50],
    ]),
    ("layer_speed", "released"): np.array([
        [0.57, 0.65, 0.73, 0.92, 0.92],
        [0.57, 0.65, 0.75, 0.93, 0.92],
        [0.58, 0.66, 0.79, 0.95, 0.91],
        [0.53, 0.63, 0.67, 0.89, 0.82],
        [0.61, 0.61, 0.62, 0.63, 0.65],
    ]),
    ("penalty", "released"): np.array([
        [0.29, 0.78, 0.92, 0.93, 0.75],
        [0.32, 0.75, 0.93, 0.94, 0.71],
        [0.35, 0.73, 0.95, 0.94, 0.64],
        [0.39, 0.73, 0.89, 0.80, 0.65],
        [0.39, 0.61, 0.63, 0.65, 0.12],
    ]),
}  # fmt: skip
INSIDE, BOUNDARY = 0.04, 0.15
SATURATED = 0.7
COLLAPSE = 0.1
STEEPEST = 0.8  # where borders run


def accept(data: Data) -> list[Acceptance]:
    """All rows; maps may hold a part of the cells.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The rows: claims, then one per cell of every map.
    """
    rows = [no_failures(*data.values())]
    rows += _claims(data["layer_speed_published"], data["penalty_published"])
    for (kind, convention), expected in ANOTHER.items():
        if f"{kind}_{convention}" in data:
            rows += _cells(kind, convention, data[f"{kind}_{convention}"], expected)
    rows += [row for kind in PUBLISHED for row in _saturated(kind, data[f"{kind}_published"])]
    for name, dataset in data.items():
        best = dataset.optimal_alignment.mean("seed")
        apart = float(np.abs(best - dataset.alignment.mean("seed")).max())
        rows.append(reported(f"{name}: largest effect of the optimal assignment on a cell", single(apart)))
    return rows


def _claims(left: xr.Dataset, right: xr.Dataset) -> list[Acceptance]:
    mean = {"left": left.alignment.mean("seed").values, "right": right.alignment.mean("seed").values}
    long_blocks = right.alignment.isel(row=0)
    collapse = long_blocks.isel(column=2 if right.sizes["column"] == 5 else 1) - long_blocks.isel(column=-1)
    shortest = max(float(mean["left"][-1].max()), float(mean["right"][-1].max()))
    best = float(mean["left"][0].max())
    slow_and_long = mean_of(left.alignment.isel(row=0, column=0).values)
    return [
        at_most("right: column without penalty, largest", 0.45, single(mean["right"][:, 0].max()), OTHER),
        at_most("shortest blocks, largest of both maps", SATURATED, single(shortest), PICTURE),
        between("left: best cell at the longest blocks", (0.88, 0.95), single(best), both(PICTURE, OTHER)),
        at_least(
            "right: fall from the best strength to 0.35, longest blocks",
            COLLAPSE,
            mean_of(collapse.values),
            OURS,
            note="0.13 in the published picture, 0.25 in another simulation",
        ),
        reported("left: slowest second layer at the longest blocks", slow_and_long, "published: below 0.7"),
    ]


def _saturated(kind: str, dataset: xr.Dataset) -> list[Acceptance]:
    """Cells whose published colour is the lowest one, however low they are."""
    coordinate, columns = COLUMNS[kind]
    rows = [BLOCK_DURATIONS.index(float(value)) for value in dataset.block_duration.values]
    place = np.ix_(rows, [columns.index(float(value)) for value in dataset[coordinate].values])
    low, inside = np.isnan(PUBLISHED[kind][place]), is_inside(ANOTHER[kind, "published"], STEEPEST)[place]
    mean = dataset.alignment.mean("seed").values
    return [
        at_most(
            f"{kind}, published: largest cell of those drawn below 0.7, {where}",
            SATURATED,
            single(mean[low & chosen].max()),
            PICTURE,
            tolerance,
            "colours end there",
        )
        for where, chosen, tolerance in (("inside", inside, INSIDE), ("boundary", ~inside, BOUNDARY))
        if (low & chosen).any()
    ]


def _cells(kind: str, convention: str, dataset: xr.Dataset, expected: np.ndarray) -> list[Acceptance]:
    """Between the published value, where there is one, and that of another simulation."""
    coordinate, values = COLUMNS[kind]
    inside = is_inside(expected, STEEPEST)
    rows = []
    for i, duration in enumerate(dataset.block_duration.values):
        for j, second in enumerate(dataset[coordinate].values):
            place = BLOCK_DURATIONS.index(float(duration)), values.index(float(second))
            known, source = [float(expected[place])], OTHER
            if convention == "published" and not np.isnan(PUBLISHED[kind][place]):
                known.append(float(PUBLISHED[kind][place]))
                source = both(PICTURE, OTHER)
            found = mean_of(dataset.alignment.values[i, j])
            tolerance = INSIDE if inside[place] else BOUNDARY
            name = f"{kind}, {convention}: block {duration:g}, {coordinate} {second:g}"
            rows.append(
                between(
                    name, (min(known), max(known)), found, source, tolerance, "inside" if inside[place] else "boundary"
                )
            )
    return rows
