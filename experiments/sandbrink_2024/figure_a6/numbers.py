"""What figure A6 must show."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_most, between, mean_of, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER, OURS, PICTURE, both
from experiments.sandbrink_2024.numbers.two_layers import distinct_rows

# (regime, task) -> active diagonal, inactive diagonal, other entries: the published colours and another simulation.
LEVELS = {
    ("flexible", "A"): ((0.285, 0.296), (0.044, 0.063), (0.025, 0.04)),
    ("flexible", "B"): ((0.282, 0.291), (0.049, 0.061), (0.02, 0.034)),
    ("forgetful", "A"): ((0.162, 0.169), (0.162, 0.169), None),
    ("forgetful", "B"): ((0.224, 0.235), (0.224, 0.235), None),
}
TOLERANCES = (0.02, 0.02, 0.01)  # ours, chosen beforehand
EQUAL = 0.01  # ours: how far apart the diagonals of the forgetful network may be


def accept(data: Data) -> list[Acceptance]:
    """Mean entries of the maps."""
    rows = [no_failures(*data.values())]
    for (regime, task), expected in LEVELS.items():
        found = _levels(data[regime], task)
        for name, interval, tolerance in zip(found, expected, TOLERANCES, strict=True):
            if interval is not None:
                text = f"{regime}, task {task}: {name}"
                rows.append(between(text, interval, mean_of(found[name]), both(PICTURE, OTHER), tolerance, "colours"))
        if regime == "forgetful":
            active, inactive, _ = found.values()
            apart = single(abs(np.mean(active) - np.mean(inactive)))
            rows.append(at_most(f"forgetful, task {task}: distance of the diagonals", EQUAL, apart, OURS))
    return [*rows, *distinct_rows(data), *_optimal(data)]


def _optimal(data: Data) -> list[Acceptance]:
    """The same levels under the optimal assignment, of which there are no numbers to compare with."""
    return [
        reported(f"{regime}, task {task}, optimal assignment: {name}", mean_of(found))
        for regime, task in LEVELS
        for name, found in _levels(data[regime], task, "optimal_").items()
    ]


def _levels(dataset: xr.Dataset, task: str, matching: str = "") -> dict[str, np.ndarray]:
    """By repetition, as published or with names that begin with `matching`."""
    after = list(dataset.after.values).index(task)
    own, others = (dataset[f"{matching}{name}"].values[:, after] for name in ("own", "others"))
    return {
        "active diagonal": own[:, after],
        "inactive diagonal": own[:, 1 - after],
        "other entries": others.mean(axis=1),
    }
