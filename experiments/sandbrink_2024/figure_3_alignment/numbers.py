"""What becomes of alignment in the runs of figure 3, against another simulation of them."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy.stats import rankdata

from experiments.harness.acceptance import Acceptance, Measurement, at_least, between, mean_of, near, reported, single
from experiments.harness.blocks import at_end, fall_time
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import OTHER
from experiments.sandbrink_2024.runs.composition import FIRST_COMPOSITE, SHOWN_BLOCKS
from ntadyn.metrics import optimal_assignment, total_alignment

SIMILARITY, GATES = 0.03, 0.1  # as for the end values of figure A12
BEFORE, LAST = FIRST_COMPOSITE - 1, SHOWN_BLOCKS - 1


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The rows, task composition first.
    """
    return [
        no_failures(*data.values()),
        *_task(data["task_flexible"], data["task_forgetful"]),
        *_subtask(data["subtask_flexible"], data["subtask_forgetful"]),
    ]


def best_alignment(similarity: np.ndarray) -> np.ndarray:
    """Mean similarity under the best permutation of the paths, shape (seeds,).

    Args:
        similarity: shape (seeds, teachers, paths), as many paths as teachers.
    """
    return np.asarray(jax.vmap(lambda one: total_alignment(one, optimal_assignment(one)))(jnp.asarray(similarity)))


def _task(flexible: xr.Dataset, slow: xr.Dataset) -> list[Acceptance]:
    by_block = {block: best_alignment(at_end(flexible.similarity, block)) for block in (8, BEFORE, LAST)}
    end = at_end(flexible.similarity, LAST)
    others = end[:, ~np.eye(end.shape[1], dtype=bool)]
    specialised = by_block[BEFORE] > 0.95
    gates = np.sort(at_end(flexible.gates, BEFORE), axis=1)[:, ::-1]
    time, norm = fall_time(flexible, FIRST_COMPOSITE), at_end(flexible.weight_norm, BEFORE)
    return [
        near("task: alignment, end of block 9", 0.82, SIMILARITY, mean_of(by_block[8]), OTHER),
        between("task: alignment before the composites", (0.75, 0.77), mean_of(by_block[BEFORE]), OTHER, SIMILARITY),
        near("task: lowest of a repetition", 0.59, 0.05, single(by_block[BEFORE].min()), OTHER, "sixty seeds"),
        near(
            "task: share of repetitions above 0.95",
            0.05,
            0.08,
            Measurement(float(specialised.mean()), None, specialised.size),
            OTHER,
            "sixty seeds; three standard deviations of such a share",
        ),
        near("task: alignment of the forgetful network", 0.34, SIMILARITY, mean_of(_final(slow, BEFORE)), OTHER),
        reported("task: lowest alignment at t = 30", single(by_block[LAST].min()), "0.58 in ten seeds"),
        reported("task: highest alignment at t = 30", single(by_block[LAST].max()), "0.84 in ten seeds"),
        reported("task: largest similarity to a wrong teacher", single(others.max()), "0.42 in ten seeds"),
        reported("task: lowest similarity to a wrong teacher", single(others.min()), "-0.54 in the published code"),
        *(
            near(f"task: {name} gate before the composites", value, GATES, mean_of(gates[:, index]), OTHER)
            for index, (name, value) in enumerate((("largest", 0.59), ("second", 0.37), ("smallest", 0.04)))
        ),
        reported("task: loss before the composites", mean_of(at_end(flexible.loss, BEFORE)), "no error left to learn"),
        reported("task: rank correlation of alignment and time to a tenth", _rank_correlation(by_block[BEFORE], time)),
        reported("task: rank correlation of alignment and norm of weights", _rank_correlation(by_block[BEFORE], norm)),
        reported("task: norm of weights before the composites", mean_of(norm), "perfect students: sqrt(0.9) = 0.949"),
    ]


def _subtask(flexible: xr.Dataset, slow: xr.Dataset) -> list[Acceptance]:
    composite = at_end(flexible.gates, LAST)
    means = np.sort(composite.mean(axis=2), axis=1)[:, ::-1]
    norm = np.sqrt(np.sum(composite**2, axis=(1, 2)))
    tasks = np.asarray(flexible.attrs["block_tasks"])
    open_gates = {block: at_end(flexible.gates, block)[:, tasks[block]].mean(axis=1) for block in (5, BEFORE)}
    distinct = slow.distinct_rows.values
    return [
        near("subtask: alignment at the end", 0.982, SIMILARITY, mean_of(_final(flexible, LAST)), OTHER),
        at_least("subtask: distinct rows matched, fewest", 18, single(flexible.distinct_rows.values.min()), OTHER),
        between(
            "subtask, forgetful: alignment under the published matching",
            (0.40, 0.45),
            mean_of(at_end(slow.published_alignment, LAST)),
            OTHER,
            SIMILARITY,
        ),
        near(
            "subtask, forgetful: alignment at the end",
            0.64,
            SIMILARITY,
            mean_of(at_end(slow.momentary_alignment, LAST)),
            OTHER,
            "which does not say when; rows matched at that moment, none is used twice",
        ),
        reported(
            "subtask, forgetful: alignment before the composites",
            mean_of(at_end(slow.momentary_alignment, BEFORE)),
            "a third, were all paths the teacher in force; no matching of rows comes near 0.64 here",
        ),
        near("subtask: alignment before the composites", 0.98, SIMILARITY, mean_of(_final(flexible, BEFORE)), OTHER),
        between("subtask, forgetful: distinct rows matched, fewest", (9, 15), single(distinct.min()), OTHER),
        between("subtask, forgetful: distinct rows matched, most", (9, 15), single(distinct.max()), OTHER),
        near("subtask: open gates, end of block 6", 0.63, GATES, mean_of(open_gates[5]), OTHER),
        near("subtask: open gates, end of block 23", 0.51, GATES, mean_of(open_gates[BEFORE]), OTHER),
        *(
            near(f"subtask: {name} gate in composites", value, GATES, mean_of(means[:, index]), OTHER)
            for index, (name, value) in enumerate((("larger", 0.29), ("smaller", 0.25), ("third", 0.04)))
        ),
        between("subtask: norm of all gates", (1.2, 1.3), mean_of(norm), OTHER, 0.05),
    ]


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> Measurement:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return Measurement(float("nan"), None, len(one))
    return Measurement(float(np.corrcoef(rankdata(one), rankdata(other))[0, 1]), None, len(one))


def _final(dataset: xr.Dataset, block: int) -> np.ndarray:
    return at_end(dataset.alignment, block)
