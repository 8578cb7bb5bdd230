"""Figure A6: the second layer sorted by the units' teachers, mean over repetitions.

Released parameters in the present convention, on batches in the published steps; the networks are those of figure 6,
and so is the published matching of units. In the forgetful network both halves look alike because the same units are
matched with both teachers, not because there are two copies of anything. Below the published maps the same networks
are sorted by the optimal assignment over the last two blocks, which takes every unit once.
"""

import dataclasses

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance, at_most, between, mean_of, reported, single
from experiments.harness.figure_run import Data
from experiments.harness.outcomes import no_failures
from experiments.sandbrink_2024 import second_layer_figure, two_layers
from experiments.sandbrink_2024.figure_6_numbers import distinct_rows
from experiments.sandbrink_2024.two_layers import REGIMES, Parameters

VERDICT = (
    "Reproduced with the released parameters: mean entries on and off the diagonals agree with the published colours "
    "and with another simulation. Both halves of the forgetful maps are alike because the published matching takes "
    "about ten units for twenty teacher rows, so that most of them stand in both halves; there are not two copies of "
    "anything. Where every unit is taken once (optimal assignment, lower maps) the flexible maps hardly change, and "
    "the forgetful ones are no longer twins: their diagonals are 0.10 and 0.17 after task A, 0.14 and 0.23 after "
    "task B. The half of B is the stronger one after both tasks, so that neither half is switched on for its own."
)

PARAMETERS = Parameters(flow_seeds=0)
FAST = dataclasses.replace(PARAMETERS, num_seeds=2)

# (regime, task) -> active diagonal, inactive diagonal, other entries: the published colours and another simulation.
LEVELS = {
    ("flexible", "A"): ((0.285, 0.296), (0.044, 0.063), (0.025, 0.04)),
    ("flexible", "B"): ((0.282, 0.291), (0.049, 0.061), (0.02, 0.034)),
    ("forgetful", "A"): ((0.162, 0.169), (0.162, 0.169), None),
    ("forgetful", "B"): ((0.224, 0.235), (0.224, 0.235), None),
}
TOLERANCES = (0.02, 0.02, 0.01)  # ours, chosen beforehand
EQUAL = 0.01  # ours: how far apart the diagonals of the forgetful network may be


def run(parameters: Parameters) -> Data:
    """See `two_layers.run`."""
    return two_layers.run(parameters)


def online(parameters: Parameters) -> Parameters:
    """The same: the picture is one of batches in any case."""
    return parameters


def accept(data: Data) -> list[Acceptance]:
    """Mean entries of the maps."""
    rows = [no_failures(*data.values())]
    for (regime, task), expected in LEVELS.items():
        found = _levels(data[regime], task)
        for name, interval, tolerance in zip(found, expected, TOLERANCES, strict=True):
            if interval is not None:
                text = f"{regime}, task {task}: {name}"
                rows.append(
                    between(text, interval, mean_of(found[name]), tolerance, "published colours and another simulation")
                )
        if regime == "forgetful":
            active, inactive, _ = found.values()
            apart = single(abs(np.mean(active) - np.mean(inactive)))
            rows.append(at_most(f"forgetful, task {task}: distance of the diagonals", EQUAL, apart))
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


def plot(data: Data) -> Figure:
    """Mean over repetitions, as published and, below, with every unit once."""
    rows = {
        f"units matched with A | with B\n({text})": {
            regime: two_layers.sorted_maps(data[regime], matching).mean(axis=0) for regime in REGIMES
        }
        for text, matching in (("as published", "matching"), ("optimal assignment", "optimal_matching"))
    }
    count = data["flexible"].sizes["seed"]
    title = f"second layer, mean of {count} repetitions, batches of 200"
    return second_layer_figure.draw(rows, title, divided=True)
