"""What the frontier of EWC must show: algebra for one path, and how far a gated network gets below it."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, furthest, near, reported, single
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS

BUDGET = 0.1  # blocks of length one, in which gates alone may adapt
ROUNDING = 1e-9


def line_of(dataset: xr.Dataset) -> float:
    """sqrt(L_A) + sqrt(L_B) on the frontier: |W*_A - W*_B| / sqrt 2."""
    return dataset.attrs["apart"] / np.sqrt(2)


def distance(losses: xr.DataArray) -> np.ndarray:
    """sqrt(L_A) + sqrt(L_B), over all axes but the task."""
    return (losses**0.5).sum("task").values


def adapted(flexible: xr.Dataset) -> xr.DataArray:
    """The loss of the flexible network on each task after `BUDGET` of its gates alone, over seeds."""
    return flexible.adapting.sel(time=BUDGET, method="nearest")


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.simulated`.

    Returns:
        The line, places on it, what is above it, and how far below it the flexible network is.
    """
    ewc, flexible = data["ewc"], data["flexible"]
    return [no_failures(ewc, flexible), *_of_one_path(ewc), *_of_flexible(flexible)]


def _of_one_path(ewc: xr.Dataset) -> list[Acceptance]:
    line, long, short = line_of(ewc), ewc.loss.sel(stream="long"), ewc.loss.sel(stream="short")
    strengths = ewc.strength.values
    forgotten = np.sqrt(long.sel(task="A").values) / line
    means = long.mean("task").values
    best = int(np.argmin(means))
    return [
        furthest("EWC: sqrt(L_A) + sqrt(L_B), furthest of all strengths", line, ROUNDING, distance(long), EXACT),
        furthest("EWC: share forgotten of A", 1 / (1 + strengths), ROUNDING, forgotten, EXACT, "1 / (1 + mu)"),
        near("EWC: strength of the smallest mean loss", 1.0, ROUNDING, single(strengths[best]), EXACT),
        near("EWC: smallest mean loss", line**2 / 4, ROUNDING, single(means[best]), EXACT, "|W*_A - W*_B|^2 / 8"),
        at_least(
            "EWC on many short blocks: smallest sqrt(L_A) + sqrt(L_B)",
            line,
            single(distance(short).min()),
            EXACT,
            ROUNDING,
            "triangle inequality: no linear map is below the line",
        ),
        reported("EWC on many short blocks: smallest mean loss", single(short.mean("task").values.min())),
    ]


def _of_flexible(flexible: xr.Dataset) -> list[Acceptance]:
    line = line_of(flexible)
    after, latent = distance(adapted(flexible)) / line, distance(flexible.latent) / line
    behavioural = distance(flexible.behavioural)
    return [
        at_least(
            "flexible, as it is: smallest sqrt(L_A) + sqrt(L_B)", line, single(behavioural.min()), EXACT, ROUNDING
        ),
        at_most(
            "flexible, after a tenth of a block of its gates: share of the line",
            0.25,
            single(after.max()),
            OURS,
            note="largest over seeds",
        ),
        at_most("flexible, best gates: share of the line", 0.1, single(latent.max()), OURS, note="largest over seeds"),
        reported(
            "flexible, after a tenth of a block: mean loss on A", single(adapted(flexible).sel(task="A").values.mean())
        ),
        reported(
            "flexible, after a tenth of a block: mean loss on B", single(adapted(flexible).sel(task="B").values.mean())
        ),
    ]
