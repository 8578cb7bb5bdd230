"""What hierarchies of gates do: where contexts have paths of their own, what they keep, and what that is worth."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    Measurement,
    at_least,
    at_most,
    mean_of,
    near,
    reported,
    single,
)
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OURS
from experiments.nested.contexts.simulation import OF_CONTEXTS, OF_GATES

VISIT = 4  # blocks
# At which every context counts as having paths of its own; an even mixture has 1/2.
OWN = 0.95
KEPT = 0.3


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The three regions of the map, its border, and what contexts save on their return.
    """
    rows = [no_failures(data["map"], data["points"]), *_of_map(data["map"]), *_of_points(data["points"])]
    return rows + (_of_three(data["map_of_three"]) if "map_of_three" in data else [])


def ratios(sweep: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """tau_g / tau_c and tau_c / tau_W of the cells of a map."""
    of_contexts, of_gates = (sweep[name.replace(".", "_")] for name in (OF_CONTEXTS, OF_GATES))
    return of_contexts, of_gates


def cells(sweep: xr.Dataset, score: str, contexts: tuple[float, float], gates: tuple[float, float]) -> np.ndarray:
    """The means over repetitions of a score in a part of the map."""
    of_contexts, of_gates = ratios(sweep)
    means = sweep[score].mean("seed").transpose(of_contexts.dims[0], of_gates.dims[0]).values
    rows = (of_contexts.values >= contexts[0]) & (of_contexts.values <= contexts[1])
    columns = (of_gates.values >= gates[0]) & (of_gates.values <= gates[1])
    return means[np.ix_(rows, columns)].ravel()


def border(sweep: xr.Dataset) -> float:
    """tau_g / tau_c at which contexts come to have paths of their own, where gates are fastest."""
    of_contexts, of_gates = ratios(sweep)
    column = sweep.context_alignment.mean("seed").isel({of_gates.dims[0]: 0}).values
    first = int(np.argmax(column > (1 + 0.5) / 2))
    return float(np.sqrt(of_contexts.values[first - 1] * of_contexts.values[first]))


def savings(points: xr.Dataset, point: str, network: str) -> np.ndarray:
    """1 - A_resumes / A_next, A the area under the loss in the first block of a visit, one per seed.

    Of the visits in the later half of the run, in streams in which a context goes on with the task that it was left
    with, or with the next.
    """
    area = first_blocks(points.area.sel(point=point, network=network))
    return 1 - area.sel(order="resumes").values / area.sel(order="next").values


def first_blocks(area: xr.DataArray) -> xr.DataArray:
    """Mean over the first blocks of visits in the later half of a run."""
    later = area.isel(block=slice(area.sizes["block"] // 2, None))
    return later.isel(block=slice(0, None, VISIT)).mean("block")


def _of_map(sweep: xr.Dataset) -> list[Acceptance]:
    fast, slower, faster = (0.0, 0.01), (1.5, 5.0), (0.0, 0.8)
    both = sweep.context_alignment.mean("seed") >= OWN
    kept = sweep.kept_gates.mean("seed").where(both)
    step = float(np.diff(np.log(ratios(sweep)[0].values[:2]))[0])
    return [
        near(
            "fast gates: border, ln(tau_g / tau_c)",
            0.0,
            0.5 * step + 0.15,
            single(float(np.log(border(sweep)))),
            OURS,
            note="half a cell, and 0.15",
        ),
        at_least(
            "fast gates, contexts slower: share of cells where contexts have their own paths",
            0.95,
            single(float(np.mean(cells(sweep, "context_alignment", slower, fast) >= OWN))),
            OURS,
        ),
        at_most(
            "fast gates, contexts faster: context alignment, largest",
            0.6,
            single(float(np.max(cells(sweep, "context_alignment", faster, fast)))),
            OURS,
            note="1/2: every gate has one task of each context",
        ),
        at_least(
            "fast gates, either order: alignment of paths with tasks, smallest",
            0.95,
            single(float(np.min(cells(sweep, "last_alignment", (0.0, 5.0), fast)))),
            OURS,
        ),
        at_most(
            "fast gates, contexts slower: share kept of the last task's gates",
            0.35,
            mean_of(cells(sweep, "kept_gates", slower, fast)),
            OURS,
            note="0: all gates equally open",
        ),
        reported("share of all cells where contexts have paths of their own", single(float(both.mean()))),
        reported(f"share of these that keep more than {KEPT}", single(float((kept > KEPT).sum() / both.sum()))),
        reported("largest share kept where contexts have paths of their own", single(float(kept.max()))),
    ]


def _of_points(points: xr.Dataset) -> list[Acceptance]:
    def saved(point: str, network: str = "hierarchy") -> Measurement:
        return mean_of(savings(points, point, network))

    def cost(point: str, order: str) -> Measurement:
        area = first_blocks(points.area.sel(point=point, order=order))
        return mean_of((area.sel(network="hierarchy") / area.sel(network="flat")).values)

    little = "contexts a little faster"
    return [
        at_least(f"{little}: savings", 0.4, saved(little), OURS),
        *(
            near(f"flat, gates as where {point}: savings", 0.0, 0.03, saved(point, "flat"), OURS)
            for point in points.point.values
        ),
        *(reported(f"{point}: savings", saved(str(point))) for point in points.point.values if point != little),
        at_most(f"{little}: cost of a resumed task over that of the flat network", 1.0, cost(little, "resumes"), OURS),
        *(
            reported(f"{point}: cost of the next task over that of the flat network", cost(str(point), "next"))
            for point in points.point.values
        ),
    ]


def _of_three(sweep: xr.Dataset) -> list[Acceptance]:
    name = "three contexts of three tasks"
    fast = (0.0, 0.02)
    return [
        no_failures(sweep),
        reported(
            f"{name}, fast gates, contexts slower: context alignment",
            mean_of(cells(sweep, "context_alignment", (1.5, 5.0), fast)),
        ),
        reported(
            f"{name}, fast gates, contexts faster: context alignment",
            mean_of(cells(sweep, "context_alignment", (0.0, 0.8), fast)),
        ),
        reported(f"{name}: largest share kept", single(float(sweep.kept_gates.mean("seed").max()))),
    ]
