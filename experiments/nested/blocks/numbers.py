"""What clocks of their own must buy, and what they cannot."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_least, at_most, mean_of, near, reported
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS
from experiments.nested.blocks.simulation import FAST, SLOW

ALONE = "one block"


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The no-go law, resets against their closed form, retention, nesting, gates, and tasks that are not linear.
    """
    return [no_failures(*data.values()), *_of_linear(data["linear"]), *_of_nonlinear(data["nonlinear"])]


def jump(dataset: xr.Dataset, learner: str, **at: object) -> np.ndarray:
    """The loss right after a switch, mean over blocks; one per seed."""
    return dataset.loss.sel(learner=learner, **at).isel(record=0).mean("block").values


def mean(dataset: xr.Dataset, learner: str, **at: object) -> np.ndarray:
    """The loss, mean over blocks; one per seed."""
    return dataset.loss.sel(learner=learner, **at).mean(("block", "record")).values


def end(dataset: xr.Dataset, learner: str, **at: object) -> np.ndarray:
    """The loss at the ends of blocks; one per seed."""
    return dataset.loss.sel(learner=learner, **at).isel(record=-1).mean("block").values


def _of_linear(linear: xr.Dataset) -> list[Acceptance]:
    beta = FAST / (FAST + SLOW)
    rows = []
    for number in linear.tasks.values.tolist():
        at = {"tasks": number}

        def over(learner: str, at: dict = at) -> np.ndarray:
            return jump(linear, learner, **at) / jump(linear, ALONE, **at)

        name = f"{number} tasks, loss after a switch over that of one block"
        rows.append(near(f"{name}: two that add up", 1.0, 0.01, mean_of(over("two that add up")), EXACT, "one map"))
        exact = 1 / (2 - beta) ** 2 if number == 2 else (number - 1) / (2 * number)
        told = "1/(2 - beta)^2" if number == 2 else "(M - 1)/(2M), for beta -> 0"
        slack = 0.01 if number == 2 else 0.03
        rows.append(near(f"{name}: with a reset", exact, slack, mean_of(over("with a reset")), EXACT, told))
        rows.append(at_most(f"{name}: with a retention", 1.0, mean_of(over("with a retention")), OURS))
        rows += [
            reported(f"{number} tasks, loss at the end: {learner}", mean_of(end(linear, learner, **at)))
            for learner in ("with a retention", "nested")
        ]
        means = {learner: mean(linear, learner, **at) for learner in linear.learner.values.tolist()}
        rows.append(
            at_most(
                f"{number} tasks, mean loss: gates and a reset over gates",
                0.5,
                mean_of(means["gates and a reset"] / means["gates"]),
                OURS,
            )
        )
        rows += [reported(f"{number} tasks, mean loss: {learner}", mean_of(value)) for learner, value in means.items()]
    return rows


def _of_nonlinear(nonlinear: xr.Dataset) -> list[Acceptance]:
    rows = []
    for width in nonlinear.width.values.tolist():
        at, alone = {"width": width}, "one clock"
        for learner in ("two clocks", "two clocks and a reset"):
            name = f"perceptrons of {width} inputs, {learner} over one clock"
            after = jump(nonlinear, learner, **at) / jump(nonlinear, alone, **at)
            whole = mean(nonlinear, learner, **at) / mean(nonlinear, alone, **at)
            rows += [
                reported(f"{name}: loss after a switch", mean_of(after)),
                reported(f"{name}: mean", mean_of(whole)),
            ]
        gain = jump(nonlinear, "two clocks", **at) / jump(nonlinear, "two clocks and a reset", **at)
        rows.append(
            at_least(f"perceptrons of {width} inputs: what a reset lowers the switch by", 1.0, mean_of(gain), OURS)
        )
    return rows
