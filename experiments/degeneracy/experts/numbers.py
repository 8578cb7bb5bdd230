"""What taking networks of experts apart must show."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, mean_of, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS

KEPT = 1e-6  # what rebuilding outputs may lose, relative


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of networks.

    Returns:
        What must be so of any network, what training does to each, and how they compare.
    """
    rows = [row for name, dataset in data.items() for row in _of_network(name, dataset)]
    after = {name: dataset.sel(stage="after") for name, dataset in data.items()}
    if {"flexible", "forgetful"} <= data.keys():
        more = after["flexible"].unit_owned.values - after["forgetful"].unit_owned.values
        rows.append(at_least("flexible less forgetful: units owned by one task", 0.1, mean_of(more), OURS))
        more = after["flexible"].owned.values - after["forgetful"].owned.values
        rows.append(at_least("flexible less forgetful: directions owned by one task", 0.1, mean_of(more), OURS))
    for name, one in after.items():
        tidier = (one.owned - one.unit_owned).values
        rows.append(reported(f"{name}: owned, directions less units", mean_of(tidier)))
    return rows


def _of_network(name: str, dataset: xr.Dataset) -> list[Acceptance]:
    before, after = (dataset.sel(stage=stage) for stage in ("before", "after"))
    above = (after.modularity.sel(gap=0.2) - before.modularity.sel(gap=0.2)).values
    chance = (after.best_modularity - after.null_modularity) / after.null_modularity_deviation
    unseen = dataset.parameters - dataset["rank"]
    share = float((dataset.unexplained / unseen).max())
    return [
        at_most(f"{name}: lost by rebuilding outputs, largest", KEPT, single(float(dataset.lost.max())), EXACT),
        at_least(f"{name}: unexplained null directions, least", 0, single(float(dataset.unexplained.min())), EXACT),
        at_most(f"{name}: unexplained share of null directions, largest", 0.05, single(share), OURS),
        reported(f"{name}: accuracy after, mean of both labellings", mean_of(after.accuracy.mean("task").values)),
        reported(f"{name}: owned by one task, before", mean_of(before.owned.values)),
        reported(f"{name}: owned by one task, after", mean_of(after.owned.values)),
        reported(f"{name}: owned by one task, after, of units", mean_of(after.unit_owned.values)),
        reported(f"{name}: modularity by tasks, after", mean_of(after.modularity.sel(gap=0.2).values)),
        reported(f"{name}: modularity by tasks, after, of units", mean_of(after.unit_modularity.values)),
        reported(f"{name}: modularity by tasks, gained", mean_of(above)),
        reported(f"{name}: spread over gaps of strengths", mean_of(
            np.ptp(after.modularity.values, axis=-1))),
        reported(f"{name}: best partition after, in deviations from chance", mean_of(chance.values)),
        reported(f"{name}: null directions before", mean_of(unseen.sel(stage="before").values)),
        reported(f"{name}: null directions after", mean_of(unseen.sel(stage="after").values)),
    ]  # fmt: skip
