"""What figure A4 must show: published curves, and another simulation of the same network."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import (
    Acceptance,
    at_most,
    between,
    mean_of,
    median_of,
    near,
    reported,
    single,
)
from experiments.harness.blocks import fall_time
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, PICTURE, both
from experiments.sandbrink_2024.numbers.two_layers import WITHOUT_NOISE, alignment_rows

# Tolerances are ours and were chosen beforehand, where the note does not say otherwise. Blocks count from 0 here, as in
# the other simulation, and from 1 in the names of rows.
START_LOSS = 0.25  # of a network without output
PEAK = (0.48, 0.49)
ACTIVE, INACTIVE, SPIKE = (0.047, 0.05), (0.031, 0.036), 0.085
OWN_SIMILARITY, OTHER_SIMILARITY = (0.81, 0.89), (0.01, 0.10)
AFTER_SWITCH = {1: 0.15, 2: 0.30, 3: 0.18, 4: 0.11, 5: 0.06}
FALL_TIMES = {"flexible": {2: 0.90, 5: 0.19, 10: 0.07, 20: 0.06}, "forgetful": {1: 0.17, 10: 0.25, 29: 0.40}}
FALL_TOLERANCE = 0.3
EITHER = both(PICTURE, OTHER)
LATE_BLOCKS = 10  # "late" means so many whole blocks before the end


def accept(data: Data) -> list[Acceptance]:
    """All rows, panel by panel.

    Args:
        data: by the names of `two_layers.runs`.

    Returns:
        The rows; those without noise, of which nothing is demanded, come last.
    """
    flexible = data["flexible"]
    rows = [no_failures(*data.values()), *_losses(data), *_gates(flexible)]
    rows += _similarities(flexible)
    rows += alignment_rows(flexible, "D")
    rows += _motion(flexible)
    for prefix, how in WITHOUT_NOISE.items():
        if f"{prefix}_flexible" in data:
            exact = data[f"{prefix}_flexible"]
            for block in known(FALL_TIMES["flexible"], exact):
                name = f"A flexible, {how}: time to a tenth of the peak, block {block + 1}"
                rows.append(reported(name, median_of(fall_time(exact, block)), "population, no noise"))
    return rows


def known(times: dict[int, float], dataset: xr.Dataset) -> dict[int, float]:
    """What is known of the whole blocks of a run."""
    return {block: time for block, time in times.items() if block < dataset.block.values[-1]}


def late_starts(dataset: xr.Dataset) -> np.ndarray:
    """Records at which late blocks begin with a switch, the last block, which is cut short, left out."""
    switches = 1 + np.flatnonzero(np.diff(dataset.block.values))
    return switches[-1 - LATE_BLOCKS : -1]


def _losses(data: Data) -> list[Acceptance]:
    flexible = data["flexible"]
    starts = late_starts(flexible)
    loss = flexible.loss.values
    rows = [
        near("A: loss at the start", START_LOSS, 0.05 * START_LOSS, mean_of(loss[:, 0]), EXACT, "to 5 % for the start"),
        between("A: loss at late switches", PEAK, mean_of(loss[:, starts].mean(axis=1)), EITHER, 0.02),
    ]
    for step, expected in AFTER_SWITCH.items():
        found = mean_of(loss[:, starts + step].mean(axis=1))
        rows.append(near(f"A: loss {step} updates after late switches", expected, 0.05, found, OTHER))
    for regime, times in FALL_TIMES.items():
        for block, expected in known(times, flexible).items():
            name = f"A {regime}: time to a tenth of the peak, block {block + 1}"
            found = fall_time(data[regime], block)
            note = f"block {block} of those that it counts from 0; median"
            rows.append(near(name, expected, FALL_TOLERANCE * expected, median_of(found), OTHER, note))
            never = np.isinf(found)
            if never.any():
                rows.append(reported(f"{name}, share of repetitions that never get there", mean_of(never)))
            else:
                rows.append(
                    reported(f"{name}, mean", mean_of(found), "the other simulation does not say which it gives")
                )
    return rows


def _gates(flexible: xr.Dataset) -> list[Acceptance]:
    """At the ends of late blocks, and the largest value within them."""
    starts = late_starts(flexible)
    tasks = np.asarray(flexible.attrs["block_tasks"])[flexible.block.values[starts - 1]]
    gates = flexible.mean_gates.values
    ends = gates[:, starts - 1]
    active = np.mean([ends[:, k, task] for k, task in enumerate(tasks)], axis=0)
    inactive = np.mean([ends[:, k, 1 - task] for k, task in enumerate(tasks)], axis=0)
    # Spikes are those of the mean curve, as published.
    curve = gates.mean(axis=0).max(axis=-1)
    spike = np.mean([curve[first:last].max() for first, last in zip(starts[:-1], starts[1:], strict=True)])
    return [
        between("B: active gate at the end of late blocks", ACTIVE, mean_of(active), EITHER, 0.005),
        between("B: inactive gate at the end of late blocks", INACTIVE, mean_of(inactive), EITHER, 0.005),
        near("B: spike after late switches", SPIKE, 0.015, single(spike), PICTURE),
    ]


def _similarities(flexible: xr.Dataset) -> list[Acceptance]:
    last = flexible.similarity.values[:, -1]
    rows = []
    for teacher, name in enumerate(flexible.teacher.values):
        own, other = last[:, teacher, teacher], last[:, teacher, 1 - teacher]
        rows += [
            between(f"C: similarity of {name} with its units at the end", OWN_SIMILARITY, mean_of(own), EITHER, 0.05),
            between(f"C: similarity of {name} with the others", OTHER_SIMILARITY, mean_of(other), EITHER, 0.03),
        ]
        best = flexible.optimal_similarity.values[:, -1, teacher]
        rows += [
            reported(f"C: similarity of {name} with {units}, optimal assignment", mean_of(best[:, path]))
            for path, units in ((teacher, "its units"), (1 - teacher, "the others"))
        ]
    return rows


def _motion(flexible: xr.Dataset) -> list[Acceptance]:
    first, second = (flexible[name].values.mean(axis=0) for name in ("change_1", "change_2"))
    late = slice(late_starts(flexible)[0] + 5, None)
    peaks = [np.mean([series[k : k + 5].max() for k in late_starts(flexible)]) for series in (first, second)]
    return [
        between("E: median of |dW2| late", (0.015, 0.03), single(np.median(second[late])), EITHER, 0.005),
        between("E: peaks of |dW2| late", (0.21, 0.23), single(peaks[1]), EITHER, 0.03),
        between("E: |dW2| at the start", (0.5, 0.6), single(second[:20].max()), EITHER, 0.05),
        at_most("E: median of |dW1| late", 0.001, single(np.median(first[late])), EITHER, 0.001),
        near("E: peaks of |dW1| late", 0.014, 0.005, single(peaks[0]), OTHER),
    ]
