"""What clocks of their own must buy, and what they cannot."""

from typing import Any

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, Measurement, at_least, at_most, mean_of, near, reported
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


def jump(dataset: xr.Dataset, learner: str, **at: Any) -> np.ndarray:
    """The loss right after a switch, mean over blocks; one per seed."""
    return dataset.loss.sel(learner=learner, **at).isel(record=0).mean("block").values


def mean(dataset: xr.Dataset, learner: str, **at: Any) -> np.ndarray:
    """The loss, mean over all steps; one per seed."""
    return dataset["mean"].sel(learner=learner, **at).mean("block").values


def end(dataset: xr.Dataset, learner: str, **at: Any) -> np.ndarray:
    """The loss at the ends of blocks; one per seed."""
    return dataset.loss.sel(learner=learner, **at).isel(record=-1).mean("block").values


def after_reset(number: int, beta: float) -> float:
    """The loss after a switch over that of one block, if the fast block resets: 1/2 (sum_j a_j^2 + (1 - a_M)^2).

    In a block of practice the slow block goes the share beta of its way. With M orthogonal tasks in turn it comes to
    hold the share a_j = beta (1 - beta)^(j - 1) / (1 - (1 - beta)^M) of the task of j blocks ago, for j < M of others,
    and a_M of the one that comes. For two tasks this is 1/(2 - beta)^2, for beta -> 0 it is (M - 1)/(2 M).

    Args:
        number: M.
        beta: tau of the fast block over the sum of both.
    """
    shares = beta * (1 - beta) ** np.arange(number) / (1 - (1 - beta) ** number)
    return float(np.sum(shares[:-1] ** 2) + (1 - shares[-1]) ** 2) / 2


def _of_linear(linear: xr.Dataset) -> list[Acceptance]:
    return [row for number in linear.tasks.values.tolist() for row in _of_tasks(linear, number)]


def _of_tasks(linear: xr.Dataset, number: int) -> list[Acceptance]:
    at = {"tasks": number}

    def after(learner: str) -> np.ndarray:
        return jump(linear, learner, **at) / jump(linear, ALONE, **at)

    means = {learner: mean(linear, learner, **at) for learner in linear.learner.values.tolist()}

    def over(learner: str, other: str) -> Measurement:
        return mean_of(means[learner] / means[other])

    name, told = f"{number} tasks, loss after a switch over that of one block", f"{number} tasks, mean loss"
    exact = after_reset(number, FAST / (FAST + SLOW))
    harm, beside = f"{told}: gates and a block over gates", over("gates and a block", "gates")
    no_win = over("gates and a reset", "gates")
    rows = [
        near(f"{name}: two that add up", 1.0, 0.01, mean_of(after("two that add up")), EXACT, "one map"),
        near(f"{name}: with a reset", exact, 0.01, mean_of(after("with a reset")), EXACT, "where the slow block is"),
        at_most(f"{name}: with a retention", 1.0, mean_of(after("with a retention")), OURS),
        at_least(f"{told}: nested over one block", 3.0, over("nested", ALONE), OURS, note="no win"),
        at_most(f"{told}: gates over a reset without gates", 1.0, over("gates", "with a reset"), OURS),
        at_least(f"{told}: gates and a reset over gates", 0.98, no_win, OURS, note="no win"),
        at_most(harm, 0.7, beside, OURS) if number == 2 else at_least(harm, 1.5, beside, OURS, note="no win"),
    ]
    rows += [
        reported(f"{number} tasks, loss at the end: {learner}", mean_of(end(linear, learner, **at)))
        for learner in ("with a retention", "nested")
    ]
    return rows + [
        reported(f"{number} tasks, mean loss: {learner}", mean_of(value)) for learner, value in means.items()
    ]


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
