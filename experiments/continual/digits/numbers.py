"""What digits must show for the test to be one, and what the same methods are known to do on larger images."""

import numpy as np
import xarray as xr

from experiments.continual.digits.simulation import EWC, GATED, TUNED
from experiments.harness.acceptance import (
    Acceptance,
    at_least,
    at_most,
    mean_of,
    reported,
    single,
)
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OURS

JOINT, FINE_TUNING, SMALL, ALL = "joint training", "fine-tuning", "replay, 32 examples", "replay, all examples"
# Accuracies of networks of 2 x 400 units on 28 x 28 pixels and five tasks, by their order.
SPLIT_MNIST = (
    "split MNIST in van de Ven, Tuytelaars, Tolias 2022 and its preprint, arXiv 1904.07734, with more pixels, images, "
    "units and steps: "
)
PERMUTED_MNIST = (
    "permuted MNIST in Kirkpatrick et al. 2017: EWC loses little over ten tasks, with hundreds of units a layer, 784 "
    "pixels; 32 units and 64 pixels have far less room"
)


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: the streams by name, as `simulation.simulated` returns them.

    Returns:
        The rows: that the streams are hard for plain learning and easy for joint training, and what each method does.
    """
    rows = [no_failures(*data.values())]
    rows += _split_by_task(data["split_by_task"]) + _split_by_class(data["split_by_class"])
    return rows + [row for name in ("permuted", "rotated") for row in _domains(name, data[name])]


def final_accuracy(stream: xr.Dataset, method: str) -> np.ndarray:
    """The mean accuracy over all tasks at the end, one per seed."""
    return stream.accuracy.sel(learner=method).isel(record=-1).mean("task").values


def forgetting(stream: xr.Dataset, method: str) -> np.ndarray:
    """How far accuracies on all tasks but the last have fallen since the end of the block at which they were best."""
    accuracy, block = stream.accuracy.sel(learner=method).values, stream.block.values
    ends = np.append(np.flatnonzero(np.diff(block)), len(block) - 1)
    at_ends = accuracy[:, ends]
    return (at_ends.max(axis=1) - at_ends[:, -1])[:, :-1].mean(axis=1)


def gain(stream: xr.Dataset, method: str, over: str) -> np.ndarray:
    """Final accuracy of one method minus that of another, seed by seed."""
    return final_accuracy(stream, method) - final_accuracy(stream, over)


def _split_by_task(stream: xr.Dataset) -> list[Acceptance]:
    name = "split, task-incremental"
    known = {FINE_TUNING: SPLIT_MNIST + "0.8 to 0.9", TUNED: SPLIT_MNIST + "about 0.99"}
    return [
        at_least(f"{name}: accuracy, joint training", 0.95, _mean(stream, JOINT), OURS, note=SPLIT_MNIST + "nearly 1"),
        at_least(f"{name}: forgetting, fine-tuning", 0.20, mean_of(forgetting(stream, FINE_TUNING)), OURS),
        at_least(f"{name}: gain of EWC, tuned, over fine-tuning", 0.05, _gain(stream, TUNED), OURS),
        at_least(f"{name}: gain of replay, all, over fine-tuning", 0.05, _gain(stream, ALL), OURS),
        *_reported(name, stream, known),
    ]


def _split_by_class(stream: xr.Dataset) -> list[Acceptance]:
    name = "split, class-incremental"
    note = (
        "which digits belong to one task is never asked while it is practised, and no anchor can replace the question"
    )
    return [
        at_least(
            f"{name}: accuracy, joint training", 0.90, _mean(stream, JOINT), OURS, note=SPLIT_MNIST + "about 0.98"
        ),
        at_most(f"{name}: gain of EWC, tuned, over fine-tuning", 0.05, _gain(stream, TUNED), OURS, note=note),
        at_least(f"{name}: gain of replay, 32, over fine-tuning", 0.20, _gain(stream, SMALL), OURS),
        *_reported(name, stream, dict.fromkeys((FINE_TUNING, TUNED), SPLIT_MNIST + "about 0.2")),
    ]


def _domains(name: str, stream: xr.Dataset) -> list[Acceptance]:
    return [
        at_least(f"{name}: accuracy, joint training", 0.85, _mean(stream, JOINT), OURS),
        at_least(f"{name}: forgetting, fine-tuning", 0.20, mean_of(forgetting(stream, FINE_TUNING)), OURS),
        at_least(f"{name}: gain of EWC, tuned, over fine-tuning", 0.05, _gain(stream, TUNED), OURS),
        *_reported(name, stream, {TUNED: PERMUTED_MNIST} if name == "permuted" else {}),
    ]


def _reported(name: str, stream: xr.Dataset, notes: dict[str, str]) -> list[Acceptance]:
    methods = [method for method in (FINE_TUNING, GATED, EWC, TUNED, SMALL, ALL) if method in stream.learner.values]
    grid = ", ".join(f"{value:g}" for value in stream.strength.values)
    seeds = stream.sizes["tuning_seed"]
    how = f"of {grid}, by the accuracy at the end on a part of what is practised, {seeds} seeds of their own"
    return [
        *(reported(f"{name}: accuracy, {each}", _mean(stream, each), notes.get(each, "")) for each in methods),
        reported(f"{name}: strength of EWC that was chosen", single(float(stream.chosen)), how),
        reported(f"{name}: learning rate", single(float(stream.rate))),
    ]


def _mean(stream: xr.Dataset, method: str):
    return mean_of(final_accuracy(stream, method))


def _gain(stream: xr.Dataset, method: str):
    return mean_of(gain(stream, method, FINE_TUNING))
