"""What figure 5 must show: its stored arrays, simulations of its convention and of the present one, and its shape."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    Measurement,
    at_least,
    at_most,
    between,
    mean_of,
    near,
    reported,
    single,
)
from experiments.harness.map_tables import is_inside
from experiments.harness.runs import Data
from experiments.harness.sources import CLAIM, OTHER, STORED, both
from experiments.sandbrink_2024.numbers.figure_5 import AWAY, LEGACY_LEFT, LEGACY_RIGHT, STORED_LEFT, STORED_RIGHT
from experiments.sandbrink_2024.runs.figure_5_cells import BLOCK_DURATIONS, on_published_grid

# The same numbers in the present convention: another simulation, ten seeds, paths assigned optimally.
CURRENT_LEFT = np.array(
    [
        [0.69, 0.69, 0.69, 0.69, 0.69],
        [0.72, 0.68, 0.68, 0.68, 0.68],
        [0.65, 0.58, 0.57, 0.57, 0.57],
        [0.54, 0.53, 0.53, 0.53, 0.53],
        [0.56, 0.50, 0.50, 0.50, 0.50],
    ]
)
CURRENT_RIGHT = np.array(
    [
        [0.63, 0.94, 0.81, 0.96, 0.87],
        [0.51, 0.998, 0.999, 0.999, 0.999],
        [0.50, 0.994, 0.997, 0.999, 0.999],
        [0.50, 0.975, 0.995, 0.999, 0.999],
        [0.50, 0.976, 0.995, 0.999, 0.999],
    ]
)
BOUNDARY = 0.3
EITHER = both(STORED, OTHER)
FLEXIBLE = 0.9


@dataclass(frozen=True)
class Maps:
    """One variant on five rows, shortest blocks first.

    Attributes:
        left: the gate-speed map.
        right: the penalty map.
    """

    left: xr.Dataset
    right: xr.Dataset


def pair(data: Data, variant: str, durations: Sequence[float] | None = None) -> Maps:
    """Both maps of a variant, on some of their rows.

    Args:
        data: by the names of `simulation.runs`.
        variant: whose maps.
        durations: of the blocks; all if omitted.
    """
    left, right = data[f"gate_speed_{variant}"], data[f"penalty_{variant}"]
    if durations is not None:
        left, right = (item.sel(block_duration=list(durations)) for item in (left, right))
    return Maps(left, right)


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The rows: the column without penalty, the shape of the regions, cells, agreement with the stored arrays, the
        control.
    """
    exact = pair(data, "published", BLOCK_DURATIONS)
    on_grid = pair(data, "published", on_published_grid(BLOCK_DURATIONS))
    rows = [
        *without_penalty(data["no_penalty"], on_grid),
        *shape(exact),
        *cells(on_grid),
        *agreement("initial scale 0.01", on_grid),
    ]
    if "gate_speed_fitted_scale" in data:
        rows += agreement("initial scale 0.12", pair(data, "fitted_scale"))
    if "gate_speed_released" in data:
        rows += control(pair(data, "released"))
    return rows


def without_penalty(column: xr.Dataset, flow: Maps) -> list[Acceptance]:
    """The column lambda = 0 in the published scheme, and what the flow itself gives.

    Args:
        column: alignments by Euler steps.
        flow: the flow on the published time grid.
    """
    rows = []
    for index, duration in reversed(list(enumerate(column.block_duration.values))):
        name = f"no penalty, nominal tau_B = {duration:g}, published Euler steps"
        measured = mean_of(column.alignment.values[index])
        rows.append(near(name, LEGACY_RIGHT[index, 0], AWAY, measured, both(STORED, OTHER)))
        exact = mean_of(flow.right.alignment.values[index, 0])
        note = "what the published value would be without the error of its steps, which moves fast gates"
        rows.append(reported(f"no penalty, nominal tau_B = {duration:g}, flow", exact, note))
    return rows


def shape(maps: Maps) -> list[Acceptance]:
    """Where the regimes lie."""
    left, right = _mean(maps.left), _mean(maps.right)
    flexible = left > FLEXIBLE
    # A longer block or faster gates must not turn a flexible cell into a forgetful one.
    violations = int(np.sum(flexible[:-1] & ~flexible[1:]) + np.sum(flexible[:, 1:] & ~flexible[:, :-1]))
    seeds = maps.left.sizes["seed"]
    return [
        between(
            "left, shortest blocks: lowest alignment",
            (0.70, 0.74),
            Measurement(left[0].min(), None, seeds),
            EITHER,
            AWAY,
        ),
        between(
            "left, shortest blocks: highest alignment",
            (0.70, 0.74),
            Measurement(left[0].max(), None, seeds),
            EITHER,
            AWAY,
        ),
        at_least(
            "left, fastest gates, tau_B >= 0.6: lowest", 0.99, Measurement(left[2:, 0].min(), None, seeds), EITHER
        ),
        at_most(f"left: breaks in the boundary (alignment {FLEXIBLE})", 0, single(violations), CLAIM),
        at_least(
            "right, nominal lambda >= 0.1, tau_B >= 0.4: lowest",
            0.99,
            Measurement(right[1:, 2:].min(), None, seeds),
            EITHER,
        ),
        between("right, no penalty: lowest", (0.50, 0.66), Measurement(right[:, 0].min(), None, seeds), EITHER, AWAY),
        between("right, no penalty: highest", (0.50, 0.66), Measurement(right[:, 0].max(), None, seeds), EITHER, AWAY),
    ]


def cells(maps: Maps) -> list[Acceptance]:
    """Every cell against another simulation; the column without penalty has rows of its own."""
    no_penalty = np.zeros_like(LEGACY_RIGHT, bool)
    no_penalty[:, 0] = True
    return [
        *_distances("left", maps.left, LEGACY_LEFT, "forty seeds, not the stored table"),
        *_distances("right", maps.right, LEGACY_RIGHT, "forty seeds, not the stored table", left_out=no_penalty),
    ]


def control(maps: Maps) -> list[Acceptance]:
    """The literal parameters: no flexible regime in the left map, which is why they cannot be those of the figure."""
    left, right = _mean(maps.left), _mean(maps.right)
    seeds = maps.left.sizes["seed"]
    return [
        at_most("control, left: highest alignment", 0.8, Measurement(left.max(), None, seeds), OTHER),
        at_least(
            "control, right, lambda >= 0.1, tau_B >= 0.4: lowest",
            0.99,
            Measurement(right[1:, 2:].min(), None, seeds),
            OTHER,
        ),
        *_distances("control, left", maps.left, CURRENT_LEFT, "ten seeds of the released parameters"),
        *_distances("control, right", maps.right, CURRENT_RIGHT, "ten seeds of the released parameters"),
    ]


def _distances(
    name: str, dataset: xr.Dataset, expected: np.ndarray, whose: str, left_out: np.ndarray | None = None
) -> list[Acceptance]:
    """The largest distance from a table, away from the border of the flexible cells in it and at that border.

    Tables hold the best assignment of paths to teachers at the end of the run, and so does what is compared with them.
    """
    error = np.abs(dataset.last_alignment.mean("seed").values - expected)
    spread = dataset.last_alignment.std("seed", ddof=1).values
    inside, seeds = is_inside(expected, FLEXIBLE), dataset.sizes["seed"]
    counted = np.ones_like(inside) if left_out is None else ~left_out
    rows = []
    for where, chosen, bar in (("away from", inside & counted, AWAY), ("at", ~inside & counted, BOUNDARY)):
        if chosen.any():
            row, column = np.unravel_index(np.argmax(np.where(chosen, error, -1)), error.shape)
            worst = Measurement(error[row, column], spread[row, column], seeds)
            place = f"nominal tau_B = {BLOCK_DURATIONS[row]:g}, column {column + 1}"
            note = (
                f"table: {whose}; {chosen.sum()} cells, furthest at {place}; border: alignment {FLEXIBLE} in the table"
            )
            rows.append(
                at_most(f"{name}, {where} the boundary: largest distance from table", bar, worst, OTHER, note=note)
            )
    return rows


def agreement(name: str, maps: Maps) -> list[Acceptance]:
    """Mean squared distance from the stored arrays, under the optimal assignment and the published sorting rule."""
    rows = []
    for side, dataset, stored in (("left", maps.left, STORED_LEFT), ("right", maps.right, STORED_RIGHT)):
        for rule, variable in (("optimal", "alignment"), ("published", "published_alignment")):
            error = np.mean((dataset[variable].mean("seed").values - stored) ** 2)
            note = "over 25 cells; boundary cells depend on ten seeds on both sides"
            rows.append(reported(f"{side}, {name}, {rule} sorting: mean squared distance", single(error), note))
    return rows


def _mean(dataset: xr.Dataset) -> np.ndarray:
    return dataset.alignment.mean("seed").values
