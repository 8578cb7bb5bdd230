"""What is known about the errors of the maps of figure 5: chance, time step, separatrix, stored cells."""

import json

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, reported, single
from experiments.harness.sources import OURS
from experiments.sandbrink_2024.numbers.figure_5 import AWAY, STORED_LEFT, STORED_RIGHT
from experiments.sandbrink_2024.runs.figure_5_cells import BLOCK_DURATIONS
from ntadyn.maps.summary import ELSEWHERE, JITTER, SENSITIVE

STORED = {"gate_speed": STORED_LEFT, "penalty": STORED_RIGHT}
STORED_SEEDS = 10
SEEDS_DIFFER = 0.03  # standard deviation of a cell whose repetitions end in different states
# Our bars, set before the first run: a tenth of the tolerance of a cell for single trajectories, and for cell means a
# tenth of what ten repetitions leave open.
STEP_ERROR, SHARE = 0.002, 0.99
# What the steps of sweeps are chosen for, see `ntadyn.sweeps.steps`.
GATE_ERROR = 0.001
OF_CHANCE = 0.1
# Two draws of ten repetitions differ by more than this many standard errors in one cell of several hundred.
STANDARD_ERRORS = 3.0


def resolution(name: str, dataset: xr.Dataset) -> list[Acceptance]:
    """Chance, time step and separatrix of a map in which every trajectory was checked."""
    error, moved = dataset.alignment_error.values, dataset.perturbation.values
    steady = moved < SENSITIVE * JITTER
    spread = dataset.alignment.std("seed", ddof=1).values
    chance = spread / np.sqrt(STORED_SEEDS)
    # The error of a mean is at most the mean of the errors.
    of_mean = error.mean(axis=-1)
    small = np.mean(of_mean < np.maximum(OF_CHANCE * chance, STEP_ERROR))
    note = f"{error.size} trajectories, all of them also with halved steps"
    return [
        at_least(
            f"{name}: share with an alignment error < {STEP_ERROR}",
            SHARE,
            single((error < STEP_ERROR).mean()),
            OURS,
            0,
            note,
        ),
        reported(f"{name}: alignment error, 99 % are below", single(np.quantile(error, 0.99)), note),
        at_least(
            f"{name}: share with a gate error < {GATE_ERROR}, without sensitive trajectories",
            SHARE,
            single(_share(dataset, steady)),
            OURS,
            0,
            note,
        ),
        reported(
            f"{name}: gate error, 99 % are below, without sensitive trajectories", _quantile(dataset, steady), note
        ),
        at_least(
            f"{name}: share of cells with a step error of the mean < {STEP_ERROR} or a tenth of chance",
            SHARE,
            single(small),
            OURS,
            0,
            f"chance: the standard error of {STORED_SEEDS} repetitions",
        ),
        reported(
            f"{name}: share of sensitive trajectories",
            single(np.mean(~steady)),
            "a jitter grows a thousandfold or more",
        ),
        reported(
            f"{name}: share of trajectories on a separatrix",
            single(np.mean(moved > ELSEWHERE * JITTER)),
            "a jitter of the start by 1e-6 moves a gate by 0.1 or more",
        ),
        reported(
            f"{name}: share of cells whose repetitions differ (sd > {SEEDS_DIFFER})",
            single((spread > SEEDS_DIFFER).mean()),
        ),
        reported(f"{name}: largest sd of a cell", single(spread.max())),
    ]


def stored(title: str, dataset: xr.Dataset, name: str) -> list[Acceptance]:
    """How many of the stored cells chance explains."""
    distance, allowed = distances(dataset, name)
    explained = int(np.sum(np.abs(distance) <= allowed))
    note = (
        f"within {STANDARD_ERRORS:g} standard errors of the difference of two means, or {AWAY}; published sorting rule"
    )
    return [
        reported(f"{title}: stored cells that chance explains, of {distance.size}", single(explained), note),
        reported(f"{title}: largest distance of a stored cell", single(distance.ravel()[np.abs(distance).argmax()])),
    ]


def distances(dataset: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Stored minus ours, and what chance allows, shape (5, 5).

    Args:
        dataset: the map at the cells of the article.
        name: of the map.
    """
    values = dataset.published_alignment
    sd = values.std("seed", ddof=1).values
    chance = sd * np.sqrt(1 / STORED_SEEDS + 1 / dataset.sizes["seed"])
    return STORED[name] - values.mean("seed").values, np.maximum(STANDARD_ERRORS * chance, AWAY)


def stored_axes(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Block durations and column values of the article's cells, in the present convention."""
    column = dataset["gate_time_constant" if "gate_time_constant" in dataset.dims else "strength"].values
    return np.asarray(BLOCK_DURATIONS), np.linspace(column[0], column[-1], 5)


def weights_time_constant(dataset: xr.Dataset) -> float:
    """tau_W of a map."""
    return float(json.loads(dataset.attrs["configuration"])["time_constants"]["weights"])


def _share(dataset: xr.Dataset, steady: np.ndarray) -> float:
    return float(np.mean(dataset.gate_error.values[steady] < GATE_ERROR)) if steady.any() else np.nan


def _quantile(dataset: xr.Dataset, steady: np.ndarray):
    return single(np.quantile(dataset.gate_error.values[steady], 0.99) if steady.any() else np.nan)
