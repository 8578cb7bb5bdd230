"""What figure A3 must show: how many gates answer a task, over seeds, in another simulation of thirty seeds."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    Measurement,
    at_least,
    at_most,
    between,
    mean_of,
    median_of,
    near,
    reported,
    single,
)
from experiments.harness.outcomes import no_failures
from experiments.harness.sources import OTHER, OURS

ACTIVE = 0.1
OTHER_SEEDS = 30
PRUNED = 0.2
OTHERS = "population flow, 30 seeds"


def num_active(dataset: xr.Dataset) -> np.ndarray:
    """Gates above the threshold at the end of the last block of each task, shape (seeds, 2)."""
    return _active(dataset).sum(axis=2)


def in_use(dataset: xr.Dataset) -> np.ndarray:
    """Whether a path answers some task at the end, shape (seeds, paths)."""
    return np.any(_active(dataset), axis=1)


def typical_seed(dataset: xr.Dataset) -> int:
    """The first seed with the most common pair of numbers of open gates."""
    pairs, place, counts = np.unique(num_active(dataset), axis=0, return_inverse=True, return_counts=True)
    del pairs
    return int(np.flatnonzero(place.ravel() == np.argmax(counts))[0])


def accept(without: xr.Dataset, with_penalty: xr.Dataset) -> list[Acceptance]:
    """All rows.

    Args:
        without: the run without a penalty on the weights, of `simulation.runs`.
        with_penalty: the run with it.

    Returns:
        The rows, those without the penalty first.
    """
    return [
        no_failures(without, with_penalty),
        *_without(without),
        *_with(with_penalty),
        *_robust(without, with_penalty),
    ]


def _without(dataset: xr.Dataset) -> list[Acceptance]:
    active = num_active(dataset)
    return [
        _share("without penalty: one open gate in task 1", 17, active[:, 0] == 1),
        _share("without penalty: two open gates in task 1", 13, active[:, 0] == 2),
        _share("without penalty: one open gate in task 2", 26, active[:, 1] == 1),
        _share("without penalty: two open gates in task 2", 4, active[:, 1] == 2),
        _share("without penalty: a path open in both tasks", 0, np.any(np.all(_active(dataset), axis=1), axis=1)),
        between(
            "without penalty: norm of unused paths, median",
            (0.15, 0.4),
            median_of(_unused(dataset)),
            OTHER,
            note=OTHERS,
        ),
        _mean("without penalty: norm of all weights", 1.14, _total_norm(dataset), 0.03),
        _mean("without penalty: mean norm of columns", 0.113, _last(dataset.column_norm), 0.005),
        _order_of_magnitude("without penalty: loss at the end", 3e-5, _end_loss(dataset)),
    ]


def _with(dataset: xr.Dataset) -> list[Acceptance]:
    active = num_active(dataset)
    single_gates = (active == 1).all(axis=1)
    unused = _unused(dataset, single_gates)
    return [
        _share("with penalty: exactly one open gate per task", 26, single_gates),
        reported(
            "with penalty: share of seeds with two open gates in task 2, as in the published panel",
            _fraction(active[:, 1] == 2),
        ),
        at_most("with penalty: norm of unused paths, median", 0.03, median_of(unused), OTHER, note=OTHERS),
        at_most(
            "with penalty: norm of unused paths, 90 % quantile",
            0.03,
            single(_quantile(unused, 0.9)),
            OTHER,
            note=OTHERS,
        ),
        _mean("with penalty: norm of all weights", 0.99, _total_norm(dataset), 0.03),
        _mean("with penalty: mean norm of columns", 0.084, _last(dataset.column_norm), 0.005),
        _order_of_magnitude("with penalty: loss at the end", 3e-4, _end_loss(dataset)),
    ]


def _robust(without: xr.Dataset, with_penalty: xr.Dataset) -> list[Acceptance]:
    """What every draw of seeds should show."""
    fewer = (num_active(without) == 1).all(axis=1).mean(), (num_active(with_penalty) == 1).all(axis=1).mean()
    share = single(fewer[1] - fewer[0])
    return [at_least("share of seeds with one gate per task that the penalty adds", PRUNED, share, OURS)]


def _share(name: str, count: int, seeds: np.ndarray) -> Acceptance:
    """A share of seeds, within two standard deviations of the difference of two such samples (a rule of succession)."""
    chance = (count + 1) / (OTHER_SEEDS + 2)
    tolerance = 2 * np.sqrt(chance * (1 - chance) * (1 / OTHER_SEEDS + 1 / len(seeds)))
    return near(name, count / OTHER_SEEDS, float(tolerance), _fraction(seeds), OTHER, OTHERS)


def _mean(name: str, expected: float, values: np.ndarray, floor: float) -> Acceptance:
    """A mean, within two standard errors of the difference of two samples, or a tolerance if that is larger."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    tolerance = max(floor, 2 * spread * np.sqrt(1 / OTHER_SEEDS + 1 / len(values)))
    return near(name, expected, float(tolerance), mean_of(values), OTHER, OTHERS)


def _order_of_magnitude(name: str, expected: float, values: np.ndarray) -> Acceptance:
    return between(
        name, (expected / 3, expected * 3), mean_of(values), OTHER, note=f"{expected:g} there, within a factor of three"
    )


def _active(dataset: xr.Dataset) -> np.ndarray:
    """Whether a gate is open at the end of the last block of each task, shape (seeds, tasks, paths)."""
    return dataset.gates.values[:, _ends(dataset)] > ACTIVE


def _ends(dataset: xr.Dataset) -> list[int]:
    """The last record of each task."""
    task = dataset.task.values
    return [int(np.flatnonzero(task == index)[-1]) for index in range(int(task.max()) + 1)]


def _unused(dataset: xr.Dataset, seeds: np.ndarray | None = None) -> np.ndarray:
    chosen = ~in_use(dataset)
    if seeds is not None:
        chosen = chosen & seeds[:, None]
    return dataset.norms.values[:, -1][chosen]


def _quantile(values: np.ndarray, share: float) -> float:
    return float(np.quantile(values, share)) if values.size else float("nan")


def _total_norm(dataset: xr.Dataset) -> np.ndarray:
    return np.sqrt((dataset.norms.values[:, -1] ** 2).sum(axis=1))


def _end_loss(dataset: xr.Dataset) -> np.ndarray:
    return dataset.loss.values[:, _ends(dataset)].mean(axis=1)


def _last(series: xr.DataArray) -> np.ndarray:
    return series.isel(record=-1).values


def _fraction(seeds: np.ndarray) -> Measurement:
    return Measurement(float(np.mean(seeds)), None, len(seeds))
