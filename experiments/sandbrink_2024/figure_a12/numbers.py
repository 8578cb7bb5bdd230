"""What figure A12 must show: read off the published image, and simulated by others in both conventions."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, between, furthest, mean_of, near, reported, single
from experiments.harness.blocks import at_end, at_start, fall_time
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OTHER, PICTURE, both
from experiments.sandbrink_2024.runs.composition import FIRST_COMPOSITE, SHOWN_BLOCKS, loss_scale, task_composition

LAST = SHOWN_BLOCKS - 1
LATE_BASE = (FIRST_COMPOSITE - 3, FIRST_COMPOSITE - 2, FIRST_COMPOSITE - 1)
COMPOSITES = (LAST - 2, LAST - 1, LAST)

SIMILARITY, GATES = 0.03, 0.1  # tolerances of end values
START, PEAK, TIME = 0.05, 0.03, 0.3  # relative ones of the first loss, of losses after switches, of times

# Block -> loss at its end (image, other simulation); early blocks depend on the seeds and are compared by eye.
EARLY = {
    "task": {0: (0.13, 0.21), 1: (0.13, 0.10), 2: (0.18, 0.21), 3: (0.09, 0.08), 5: (0.06, 0.067), 8: (0.02, 0.016),
             11: (0.005, 0.004)},
    "subtask": {0: (0.03, 0.03), 1: (0.21, 0.17), 2: (0.30, 0.13), 3: (0.07, 0.03)},
}  # fmt: skip


def accept(data: Data) -> list[Acceptance]:
    """All rows: as published, then released.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The rows; losses of "published" runs are in the units of the older state of the code.
    """
    scale = loss_scale(task_composition())
    published = {
        name: dataset.assign(loss=dataset.loss * scale) for name, dataset in data.items() if "released" not in name
    }
    return [
        no_failures(*data.values()),
        *_task_published(published),
        *_published_sorting(published["task_published_flexible"]),
        *_subtask_published(published["subtask_published_flexible"]),
        *_task_released(data["task_released_flexible"]),
        *_subtask_released(data["subtask_released_flexible"]),
    ]


def _task_published(data: Data) -> list[Acceptance]:
    flexible, slow = data["task_published_flexible"], data["task_published_forgetful"]
    late = np.mean([at_start(flexible.loss, block) for block in range(15, FIRST_COMPOSITE)], axis=0)
    return [
        near("C: loss at t = 0", 0.5, START * 0.5, mean_of(at_start(flexible.loss, 0)), EXACT),
        between("C: loss after late switches of base tasks", (0.9, 1.0), mean_of(late), PICTURE),
        near("C: loss after switches of composites", 0.25, PEAK * 0.25, mean_of(_composite_peak(flexible)), PICTURE),
        *_early("C", "task", flexible),
        *_early("C, larger initial weights", "task", data["task_fitted_flexible"]),
        near("C forgetful: time to a tenth, base tasks", 0.28, TIME * 0.28, mean_of(fall_time(slow, 22)), OTHER),
        near("C forgetful: time to a tenth, composites", 0.34, TIME * 0.34, mean_of(fall_time(slow, LAST)), OTHER),
        *_base_gates("E", flexible.gates, 1.0, 0.0),
        *_composite_gates("E", flexible.gates, (0.50, 0.50, 0.00)),
        *_similarity("G", flexible, (1.0, 1.0, 1.0), both(PICTURE, OTHER)),
        furthest("G: mean similarity to another teacher, furthest from 0", 0.0, SIMILARITY, _others(flexible), OTHER),
    ]


def _published_sorting(flexible: xr.Dataset) -> list[Acceptance]:
    """Open gates of the last base blocks under the published rule, which can show one path twice and lose another."""
    tasks = np.asarray(flexible.attrs["block_tasks"])
    open_gates = [at_end(flexible.published_gates, block)[:, tasks[block]] for block in LATE_BASE]
    worst = min(open_gates, key=lambda values: float(values.mean()))
    note = "0.8 in the image; 1.0 for every path under a permutation"
    return [reported("E: lowest open gate under the published rule", mean_of(worst), note)]


def _subtask_published(flexible: xr.Dataset) -> list[Acceptance]:
    gates = flexible.gates.mean("output")
    return [
        *_early("D", "subtask", flexible),
        *_base_gates("F", gates, 1.08, 0.05, blocks=(9, 10, 11), when="t about 10"),
        *_base_gates("F", gates, 0.89, 0.05),
        *_composite_gates("F", gates, (0.45, 0.42, 0.04)),
        *_similarity("H", flexible, (0.986, 0.993, 0.993), OTHER),
        *_similarity("H (image)", flexible, (0.97, 0.97, 0.98), PICTURE),
    ]


def _task_released(flexible: xr.Dataset) -> list[Acceptance]:
    base = [np.sort(at_end(flexible.gates, block), axis=1)[:, ::-1] for block in LATE_BASE]
    composite = [np.sort(at_end(flexible.gates, block), axis=1)[:, ::-1] for block in COMPOSITES]
    late = np.mean([at_start(flexible.loss, block) for block in range(15, FIRST_COMPOSITE)], axis=0)
    rows = [
        near("released, task: loss at t = 0", 0.148, START * 0.148, mean_of(at_start(flexible.loss, 0)), OTHER),
        near("released, task: loss after late switches", 0.30, PEAK * 0.30, mean_of(late), OTHER),
        near("released, task: the same, composites", 0.075, PEAK * 0.075, mean_of(_composite_peak(flexible)), OTHER),
    ]
    for when, ends, expected in (("base", base, (0.6, 0.37, 0.04)), ("composite", composite, (0.48, 0.31, 0.20))):
        columns = np.mean(ends, axis=0).T
        for place, value, column in zip(("largest", "second", "smallest"), expected, columns, strict=True):
            rows.append(near(f"released, task: {place} gate, {when} tasks", value, GATES, mean_of(column), OTHER))
    end = mean_of(at_end(flexible.alignment, LAST))
    return [
        *rows,
        near("released, task: similarity to the own teacher", 0.75, SIMILARITY, end, OTHER),
        reported(
            "released, task: largest single similarity to another", single(_single(flexible)), "0.42 in ten seeds"
        ),
    ]


def _subtask_released(flexible: xr.Dataset) -> list[Acceptance]:
    gates = flexible.gates.mean("output")
    late = np.mean([at_start(flexible.loss, block) for block in range(15, SHOWN_BLOCKS)], axis=0)
    end = mean_of(at_end(flexible.alignment, LAST))
    return [
        near("released, subtask: loss after late switches", 0.29, PEAK * 0.29, mean_of(late), OTHER),
        *_base_gates("released, subtask", gates, 0.63, None, blocks=(5,), when="block 6"),
        *_base_gates("released, subtask", gates, 0.51, None, blocks=(22,), when="block 23"),
        near("released, subtask: similarity to the own teacher", 0.98, SIMILARITY, end, OTHER),
        reported(
            "released, subtask: largest single similarity to another", single(_single(flexible)), "0.18 in ten seeds"
        ),
    ]


def _early(panel: str, kind: str, flexible: xr.Dataset) -> list[Acceptance]:
    ends = {block: at_end(flexible.loss, block) for block in EARLY[kind]}
    away = np.mean([abs(ends[block].mean() - image) for block, (image, _) in EARLY[kind].items()])
    return [
        *(
            reported(
                f"{panel}: loss at the end of block {block + 1}",
                mean_of(ends[block]),
                f"{image} in the image, {other} in another simulation",
            )
            for block, (image, other) in EARLY[kind].items()
        ),
        reported(f"{panel}: mean distance of these from the image", single(away)),
    ]


def _base_gates(
    panel: str,
    gates: xr.DataArray,
    own: float,
    other: float | None,
    blocks: tuple[int, ...] = LATE_BASE,
    when: str = "late base blocks",
) -> list[Acceptance]:
    """Gates of the path whose teacher is in force, and of the others, at the ends of base blocks; mean over blocks."""
    # Base tasks take turns, and paths are in their order.
    ends = {block % gates.sizes["path"]: at_end(gates, block) for block in blocks}
    open_gates = np.mean([values[:, task] for task, values in ends.items()], axis=0)
    shut = np.mean([np.delete(values, task, axis=1).mean(axis=1) for task, values in ends.items()], axis=0)
    rows = [near(f"{panel}: open gate, {when}", own, GATES, mean_of(open_gates), OTHER)]
    if other is not None:
        rows.append(near(f"{panel}: shut gates, {when}", other, GATES, mean_of(shut), OTHER))
    return rows


def _composite_gates(panel: str, gates: xr.DataArray, expected: tuple[float, float, float]) -> list[Acceptance]:
    """Of the two paths of a composite, the larger first, and of the third."""
    ends = []
    for block in COMPOSITES:
        values = at_end(gates, block)
        # Composite blocks show AB, BC and CA in turn; block b shows the composite of tasks b mod 3 and its neighbour.
        third = (block + 2) % 3
        pair = np.sort(np.delete(values, third, axis=1), axis=1)[:, ::-1]
        ends.append(np.column_stack([pair, values[:, third]]))
    names = ("larger gate in use", "smaller gate in use", "third gate")
    return [
        near(f"{panel}: {name}, composites", value, GATES, mean_of(column), OTHER)
        for name, value, column in zip(names, expected, np.mean(ends, axis=0).T, strict=True)
    ]


def _similarity(
    panel: str, flexible: xr.Dataset, expected: tuple[float, float, float], source: str
) -> list[Acceptance]:
    end = at_end(flexible.similarity, LAST)
    return [
        near(
            f"{panel}: similarity of {name} to its path, t = 30",
            value,
            SIMILARITY,
            mean_of(end[:, index, index]),
            source,
        )
        for index, (name, value) in enumerate(zip("ABC", expected, strict=True))
    ]


def _others(flexible: xr.Dataset) -> np.ndarray:
    """Mean over seeds of the similarities at the end to the teachers of other paths."""
    end = at_end(flexible.similarity, LAST).mean(axis=0)
    return end[~np.eye(len(end), dtype=bool)]


def _single(flexible: xr.Dataset) -> float:
    """The largest of them in any seed."""
    end = at_end(flexible.similarity, LAST)
    return float(end[:, ~np.eye(end.shape[1], dtype=bool)].max())


def _composite_peak(flexible: xr.Dataset) -> np.ndarray:
    return np.mean([at_start(flexible.loss, block) for block in range(FIRST_COMPOSITE + 1, SHOWN_BLOCKS)], axis=0)
