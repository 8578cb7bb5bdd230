"""What gated networks with hidden units do, beside what a prototype of them did."""

import numpy as np
import xarray as xr

from experiments.beyond.nonlinear.simulation import TEACHERS
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
from experiments.harness.sources import OTHER, OURS

LAST = 4  # blocks over which adaptation is averaged
# What the prototype measured: mean and standard deviation over six seeds of the mean of the last four blocks.
PROTOTYPE = {
    "flexible": (10, 6),
    "forgetful": (99, 17),
    "fast, no penalty": (67, 12),
    "slow, penalty": (51, 18),
    "softmax, rate 1": (114, 17),
    "softmax, rate 5": (114, 17),
    "unit gates, L2": (56, 19),
    "flexible, usual weights": (14, 10),
    "forgetful, usual weights": (28, 7),
    "fast, no penalty, usual weights": (4.3, 0.5),
    "softmax, rate 1, usual weights": (38, 31),
    "unit gates, L2, usual weights": (33, 5),
}


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The tables of teachers and of digits, and where flexibility is no advantage.
    """
    rows = [no_failures(*data.values()), *_of_teachers(data["teachers"]), *_of_digits(data["digits"])]
    if "quick_digits" in data:
        rows += _of_quick_digits(data["quick_digits"])
    if "convolutions" in data:
        rows += _of_convolutions(data["convolutions"])
    return rows


def adaptation(table: xr.Dataset, condition: str) -> np.ndarray:
    """Steps until the task is found again, mean over the last four blocks, one per seed; infinite if it ever is not.

    Args:
        table: see `simulation.table_of`.
        condition: a row of it.
    """
    return table.steps.sel(condition=condition).values[:, -LAST:].mean(axis=1)


def gain(table: xr.Dataset, condition: str, partner: str) -> float:
    """How many times longer a partner takes, by the means over seeds.

    Args:
        table: see `simulation.table_of`.
        condition: a row of it.
        partner: another one.
    """
    return float(adaptation(table, partner).mean() / adaptation(table, condition).mean())


def has(table: xr.Dataset, condition: str) -> bool:
    """Whether a table has a row."""
    return condition in table.condition.values


def _of_teachers(table: xr.Dataset) -> list[Acceptance]:
    rows = [
        at_least("teachers, small weights: forgetful over flexible", 5, _gain(table, "flexible", "forgetful"), OTHER),
        at_most(
            "teachers, usual weights: forgetful over flexible",
            3,
            single(gain(table, "flexible, usual weights", "forgetful, usual weights")),
            OTHER,
            note="2 in the prototype",
        ),
        at_least(
            "teachers, usual weights: flexible over fast, no penalty",
            1.5,
            single(gain(table, "fast, no penalty, usual weights", "flexible, usual weights")),
            OTHER,
            note="the penalty costs speed there; 3.3 in the prototype",
        ),
    ]
    for name in (row.name for group in TEACHERS.values() for row in group):
        if not has(table, name):
            continue
        measured = mean_of(adaptation(table, name))
        if name in PROTOTYPE:
            mean, spread = PROTOTYPE[name]
            # Two means of few seeds each, of which either may be three standard errors off.
            bar = 3 * np.hypot(spread, measured.spread or spread) / np.sqrt(measured.seeds or 1)
            rows.append(near(f"teachers: steps, {name}", mean, float(bar), measured, OTHER))
        else:
            rows.append(reported(f"teachers: steps, {name}", measured))
    for name in ("flexible", "forgetful"):
        last = table.score.sel(condition=name).values[:, -1]
        rows.append(reported(f"teachers: loss over that of silence at the end, {name}", mean_of(last)))
    if has(table, "softmax, rate 1"):
        rows.append(at_most("teachers: switching of softmax", 0.1, _switching(table, "softmax, rate 1"), OTHER))
        rows.append(at_least("teachers: switching of softmax with floor", 0.9, _switching(table, FLOORED), OURS))
    cosines = table.path_overlaps.sel(condition="flexible").values
    rows.append(reported("teachers: overlap of flexible paths with their own task", mean_of(matched(cosines))))
    return rows


FLOORED = "softmax with floor"


def matched(cosines: np.ndarray) -> np.ndarray:
    """The mean overlap of two paths with two tasks, each with its own, in the better of both assignments.

    Args:
        cosines: shape (seeds, 2, 2).
    """
    straight, crossed = cosines[:, 0, 0] + cosines[:, 1, 1], cosines[:, 0, 1] + cosines[:, 1, 0]
    return np.maximum(straight, crossed) / 2


def _of_digits(table: xr.Dataset) -> list[Acceptance]:
    rows = [
        at_most(
            "digits: steps, flexible", 20, mean_of(adaptation(table, "flexible")), OTHER, note="10, every 10 steps"
        ),
        at_least("digits: steps, forgetful", 60, mean_of(adaptation(table, "forgetful")), OTHER, note="80 to 155"),
    ]
    rows += [
        reported(f"digits: steps, {name}", mean_of(adaptation(table, name)))
        for name in table.condition.values
        if name not in ("flexible", "forgetful")
    ]
    step, block = table.step.values, table.block_of_test.values
    start = step[block == block[-1]][0]
    soon = int(np.argmin(np.abs(step - (start + 20)) + (block != block[-1]) * 1e9))
    for name in ("flexible", "forgetful"):
        accuracy = table.score.sel(condition=name).values
        rows += [
            reported(f"digits: accuracy 20 steps after the last switch, {name}", mean_of(accuracy[:, soon])),
            reported(f"digits: accuracy at the end, {name}", mean_of(accuracy[:, -1])),
        ]
    return rows


def _of_quick_digits(table: xr.Dataset) -> list[Acceptance]:
    return [
        at_most("quick weights, digits: steps, forgetful", 20, mean_of(adaptation(table, "forgetful")), OTHER),
        *(
            reported(f"quick weights, digits: steps, {name}", mean_of(adaptation(table, name)))
            for name in table.condition.values
            if name != "forgetful"
        ),
        reported(
            "quick weights, digits: sum of forgetful gates",
            mean_of(np.abs(table.gates.sel(condition="forgetful").values).sum(axis=1)),
            "they grow and multiply the rate of the weights",
        ),
    ]


def _of_convolutions(table: xr.Dataset) -> list[Acceptance]:
    rows = [
        at_most("convolutions: steps, flexible", 20, mean_of(adaptation(table, "flexible")), OURS),
        at_least(
            "convolutions: forgetful over flexible",
            2,
            _gain(table, "flexible", "forgetful"),
            OURS,
            note="tested every 10 steps, so that nobody takes fewer",
        ),
    ]
    for name in table.condition.values:
        if name != "flexible":
            rows.append(reported(f"convolutions: steps, {name}", mean_of(adaptation(table, name))))
        rows.append(reported(f"convolutions: switching, {name}", _switching(table, name)))
    return rows


def _gain(table: xr.Dataset, condition: str, partner: str) -> Measurement:
    return single(gain(table, condition, partner))


def _switching(table: xr.Dataset, condition: str) -> Measurement:
    return mean_of(table.switching.sel(condition=condition).values)
