"""What figure 5 must show: stored arrays of the published figure, a simulation of its convention, and its shape."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.acceptance import (
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

# Rows: block durations 0.1, 0.4, 0.6, 0.8, 1; columns: nominal tau_c or lambda, ascending.
STORED_LEFT = np.array(
    [
        [0.69540, 0.70236, 0.70554, 0.70607, 0.70602],
        [0.99390, 0.59505, 0.63972, 0.66428, 0.68363],
        [0.99880, 0.98455, 0.91972, 0.62473, 0.64231],
        [0.99866, 0.99676, 0.98702, 0.91872, 0.74262],
        [0.99975, 0.99438, 0.99276, 0.91705, 0.91932],
    ]
)
STORED_RIGHT = np.array(
    [
        [0.66198, 0.68553, 0.62254, 0.63745, 0.64213],
        [0.56914, 0.90791, 0.99662, 0.99511, 0.98764],
        [0.50378, 0.99998, 0.99998, 0.99996, 0.99993],
        [0.50025, 0.69779, 0.99998, 0.99995, 0.99993],
        [0.54632, 0.41561, 0.99995, 0.99996, 0.99994],
    ]
)
# Another simulation of the same convention, 40 seeds, paths assigned optimally.
LEGACY_LEFT = np.array(
    [
        [0.744, 0.724, 0.713, 0.710, 0.708],
        [0.991, 0.784, 0.718, 0.712, 0.710],
        [0.998, 0.933, 0.749, 0.722, 0.714],
        [1.000, 0.977, 0.804, 0.713, 0.706],
        [1.000, 0.994, 0.890, 0.747, 0.703],
    ]
)
LEGACY_RIGHT = np.array(
    [
        [0.661, 0.95, 0.93, 0.92, 0.92],
        [0.568, 1.0, 1.00, 1.00, 1.00],
        [0.504, 1.0, 1.00, 1.00, 1.00],
        [0.501, 0.84, 1.00, 1.00, 1.00],
        [0.548, 0.33, 1.00, 1.00, 1.00],
    ]
)
AWAY, BOUNDARY = 0.02, 0.3
FLEXIBLE = 0.9
# Where seeds end in different states a mean over few of them says little: such cells are the boundary.
SEEDS_DIFFER = 0.03


@dataclass(frozen=True)
class Maps:
    """One variant on five rows, shortest blocks first.

    Attributes:
        left: the gate-speed map.
        right: the penalty map.
    """

    left: xr.Dataset
    right: xr.Dataset


def failures(datasets: Sequence[xr.Dataset]) -> list[Acceptance]:
    """No trajectory may fail."""
    failed = sum(int((dataset.result != 0).sum()) for dataset in datasets if "result" in dataset)
    return [at_most("trajectories that failed", 0, single(failed))]


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
        rows.append(near(name, LEGACY_RIGHT[index, 0], AWAY, measured, "stored figure and other simulation"))
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
        between("left, shortest blocks: lowest alignment", (0.70, 0.74), Measurement(left[0].min(), None, seeds), AWAY),
        between(
            "left, shortest blocks: highest alignment", (0.70, 0.74), Measurement(left[0].max(), None, seeds), AWAY
        ),
        at_least("left, fastest gates, tau_B >= 0.6: lowest", 0.99, Measurement(left[2:, 0].min(), None, seeds)),
        at_most(f"left: breaks in the boundary (alignment {FLEXIBLE})", 0, single(violations)),
        at_least(
            "right, nominal lambda >= 0.1, tau_B >= 0.4: lowest", 0.99, Measurement(right[1:, 2:].min(), None, seeds)
        ),
        between("right, no penalty: lowest", (0.50, 0.66), Measurement(right[:, 0].min(), None, seeds), AWAY),
        between("right, no penalty: highest", (0.50, 0.66), Measurement(right[:, 0].max(), None, seeds), AWAY),
    ]


def cells(maps: Maps) -> list[Acceptance]:
    """Every cell against another simulation; the column without penalty has rows of its own.

    The table holds the better order of the two paths at the end of the run. Where paths are much alike, their order
    over the last two blocks need not be that one; the better of the two orders that a map knows about is compared.
    """
    rows = []
    for name, dataset, expected in (("left", maps.left, LEGACY_LEFT), ("right", maps.right, LEGACY_RIGHT)):
        better = np.maximum(dataset.alignment, dataset.published_alignment)
        error = np.abs(better.mean("seed").values - expected)
        own_error = np.abs(_mean(dataset) - expected)
        boundary = dataset.alignment.std("seed", ddof=1).values > SEEDS_DIFFER
        counted = np.ones_like(boundary)
        if name == "right":
            counted[:, 0] = False
        for where, chosen, bar in (("away from", ~boundary & counted, AWAY), ("at", boundary & counted, BOUNDARY)):
            count = int(np.sum(chosen))
            if count:
                note = f"{count} cells; boundary: sd over seeds above {SEEDS_DIFFER}"
                title = f"{name}, {where} the boundary: largest distance from table"
                rows.append(at_most(title, bar, single(error[chosen].max()), note=note))
                title = f"{name}, {where} the boundary: the same, order over the last two blocks"
                rows.append(reported(title, single(own_error[chosen].max()), note))
    return rows


def control(maps: Maps) -> list[Acceptance]:
    """The literal parameters: no flexible regime in the left map, which is why they cannot be those of the figure."""
    left, right = _mean(maps.left), _mean(maps.right)
    seeds = maps.left.sizes["seed"]
    return [
        at_most("control, left: highest alignment", 0.8, Measurement(left.max(), None, seeds)),
        at_least(
            "control, right, lambda >= 0.1, tau_B >= 0.4: lowest", 0.99, Measurement(right[1:, 2:].min(), None, seeds)
        ),
    ]


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
