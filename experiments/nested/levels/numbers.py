"""What levels must show: their order, and that fast gates leave a slow manifold behind them."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, near, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.simulated`.

    Returns:
        Ranks where they are known, and orders of convergence.
    """
    levels, manifold = data["levels"], data["manifold"]
    return [no_failures(manifold), *_of_levels(levels), *_of_manifold(manifold)]


def orders(manifold: xr.Dataset, network: str) -> np.ndarray:
    """log2 of the ratio of distances, from one time constant to half of it."""
    distance = manifold.distance.sel(network=network).values
    return np.log2(distance[:-1] / distance[1:])


def _of_levels(levels: xr.Dataset) -> list[Acceptance]:
    def ranks(preset: str) -> dict[str, int]:
        rows = levels.isel(row=levels.preset.values == preset)
        return dict(zip(rows.level.values.tolist(), rows["rank"].values.tolist(), strict=True))

    flexible, forgetful = ranks("figure-2-flexible"), ranks("figure-2-forgetful")
    deep = ranks("contexts-deep")
    in_order = [deep[name] for name in ("gates", "contexts_2", "contexts_1", "weights")]
    batches = ranks("figure-6-flexible")
    return [
        near("flexible: rank of gates before weights", 1, 0, single(flexible["weights"] - flexible["gates"]), EXACT),
        near("forgetful: ranks apart", 0, 0, single(forgetful["weights"] - forgetful["gates"]), EXACT),
        near("contexts of contexts: levels in order", 1, 0, single(float(in_order == [1, 2, 3, 4])), EXACT),
        near(
            "on batches: ranks apart of gates and weights",
            0,
            0,
            single(batches["weights"] - batches["gates"]),
            EXACT,
            "they move at the same steps, at six times different rates",
        ),
        reported("learners", single(len(set(levels.preset.values.tolist())))),
    ]


def _of_manifold(manifold: xr.Dataset) -> list[Acceptance]:
    rows = []
    for network in manifold.network.values.tolist():
        order = orders(manifold, network)
        name = f"distance from the slow manifold, {network}"
        rows.append(at_least(f"{name}: order at the fastest", 0.9, single(order[-1]), EXACT, note="1 in the limit"))
        rows.append(reported(f"{name}: order at the slowest", single(order[0])))
    return [*rows, reported("how far weights move on it", single(float(manifold.moved)))]
