"""Figure A12: the whole course of both kinds of composition: loss, gates and similarity to the teachers.

The published panels were made with an older state of the code: "published" reads the literal numbers as that state
did, translated exactly, and shows losses in its units. "released" reads the same numbers in the present convention,
which is that of figure 3; it stands below. Task composition is a population flow; subtask composition is run on batches
in the published steps, which are longer than the time constant of its gates. Panels A and B are schematics.

Paths are sorted by one assignment to teachers. Dotted in E: the gates as the published rule sorts them, which for three
paths is not always a permutation.
"""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.harness.outcomes import on_batches
from experiments.sandbrink_2024 import composition, figure_a12_numbers as numbers
from experiments.sandbrink_2024.composition import as_published, forgetful, loss_scale, simulate
from experiments.sandbrink_2024.composition_panels import (
    draw_gates,
    draw_loss,
    draw_similarity,
    legend_of_similarity,
    legend_of_tasks,
    shade,
)
from experiments.sandbrink_2024.variants import seeded
from ntadyn.plotting.style import house_style
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced

VERDICT = (
    "Reproduced in the older convention, in which the published panels were made. Gates, similarities and losses of "
    "both kinds of composition end within the tolerances of what the image shows and another simulation gave, but for "
    "one: in panel G the similarity of a path to a teacher that is not its own ends at 0.045 in the mean, where less "
    "than 0.03 is stated. That is not the accident of a few seeds (median 0.04) but what the population flow leaves; "
    "ten repetitions on batches, as published, end at 0.02. Early blocks: with the stated scale of initial weights, "
    "0.01, the flexible loss of panel C ends the first block at 0.25 where the image shows 0.13; with 0.12, the scale "
    "that also brings figure 5 closest to its stored arrays, it ends there at 0.16 and stays closer to the image in "
    "the mean of all blocks that could be read. We take this as a second hint that the older code started from larger "
    "weights. The third path of panel E, which the article shows with gates of 0.8 and 0.2, is an artefact of the "
    "published sorting, which shows one path twice in some repetitions (dotted: 0.64 and 0.82 in place of 1); with one "
    "assignment of paths to teachers all three gates are 1 or 0. With the released parameters read literally (below) "
    "subtask composition looks the same, but task composition specialises in part only: similarity 0.78, gates of 0.6 "
    "and 0.4. Panels A and B are schematics and not drawn."
)

RECORDS_PER_BLOCK = 24
# Nominal scale of initial weights that brings figure 5 closest to its stored arrays; 0.01 in the released parameters.
FITTED_SCALE = 0.12


@dataclass(frozen=True)
class Parameters:
    """What figure A12 is made of, besides the configurations of `experiments.sandbrink_2024.composition`.

    Attributes:
        task_batches: whether task composition is run on batches as well.
        task_seeds: repetitions of task composition with other initial weights, on one set of teachers.
        subtask_seeds: repetitions of subtask composition.
        seed: the seed that all keys are derived from.
    """

    task_batches: bool = False
    task_seeds: int = 60
    subtask_seeds: int = 10
    seed: int = 0


PARAMETERS = Parameters()
FAST = Parameters(task_seeds=20, subtask_seeds=4)


def online(parameters: Parameters) -> Parameters:
    """Task composition on batches of 200 in steps of 0.001 too, with as many repetitions as published."""
    return dataclasses.replace(parameters, task_batches=True, task_seeds=10)


def run(parameters: Parameters) -> Data:
    """Simulate; all variants of a kind of composition in one program.

    Args:
        parameters: what to run.

    Returns:
        "task" and "subtask", each followed by "_published" or "_released" and "_flexible" or "_forgetful", and
        "task_fitted_flexible", as published but from larger initial weights.
    """
    task, subtask = composition.task_composition(), composition.subtask_composition()
    if parameters.task_batches:
        task = composition.on_batches(task)
    task = seeded(task, parameters.task_seeds, parameters.seed)
    fitted = as_published(replaced(task, {"network.initial_scale": FITTED_SCALE}))
    kinds = {
        "task": {**_variants(task), "fitted_flexible": fitted},
        "subtask": _variants(seeded(subtask, parameters.subtask_seeds, parameters.seed)),
    }
    with ThreadPoolExecutor(2) as pool:
        jobs = {kind: pool.submit(simulate, variants, RECORDS_PER_BLOCK) for kind, variants in kinds.items()}
        return {
            f"{kind}_{name}": _of_base(dataset) for kind, job in jobs.items() for name, dataset in job.result().items()
        }


def _variants(released: Configuration) -> dict[str, Configuration]:
    published = as_published(released)
    return {
        "published_flexible": published,
        "published_forgetful": forgetful(published),
        "released_flexible": released,
        "released_forgetful": forgetful(released),
    }


def _of_base(dataset: xr.Dataset) -> xr.Dataset:
    """Without the similarities to composites and the norms, which no panel shows."""
    return dataset.drop_vars("weight_norm", errors="ignore").isel(teacher=slice(dataset.attrs["num_base"]))


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A12 must show."""
    return numbers.accept(data)


def plot(data: Data) -> Figure:
    """Two rows as published, and the same two rows for the released parameters."""
    with house_style():
        figure, axes = plt.subplots(4, 3, figsize=(9.6, 8.6), sharex=True)
        rows = [(kind, convention) for convention in ("published", "released") for kind in ("task", "subtask")]
        for row, (kind, convention), letters in zip(axes, rows, ("CEG", "DFH", "", ""), strict=True):
            _draw_row(row, data, kind, convention)
            for ax, letter in zip(row, letters, strict=False):
                ax.set_title(letter, loc="left", fontweight="bold")
            row[0].set_title(f"{kind}, {'as published' if convention == 'published' else 'released'}")
        for ax in axes[:-1].flat:
            ax.set_xlabel("")
        _add_published_gates(axes[0, 1], data["task_published_flexible"])
        _add_legends(axes, data["task_published_flexible"])
        for ax in axes[-1]:
            ax.set_xticks(range(0, 31, 10))
        figure.suptitle(_caption(data), fontsize=8)
    return figure


def _draw_row(row: np.ndarray, data: Data, kind: str, convention: str) -> None:
    pair = {regime: data[f"{kind}_{convention}_{regime}"] for regime in ("flexible", "forgetful")}
    shade(row, pair["flexible"])
    scale = loss_scale(composition.task_composition()) if convention == "published" else 1.0
    draw_loss(row[0], pair, scale, top=1.1 if convention == "published" else 0.33)
    if convention == "published":
        row[0].set_ylabel("loss (mean over outputs)")
    draw_gates(row[1], pair["flexible"])
    row[1].set_ylim(-0.1, 1.3)
    draw_similarity(row[2], pair["flexible"])


def _add_published_gates(ax: Axes, dataset: xr.Dataset) -> None:
    """Thin and dotted: what the published rule makes of the same gates."""
    for path in range(dataset.sizes["path"]):
        mean = dataset.published_gates.isel(path=path).mean("seed").values
        ax.plot(dataset.time.values, mean, ":", color=f"C{path}", linewidth=0.8)


def _add_legends(axes: np.ndarray, dataset: xr.Dataset) -> None:
    beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    axes[3, 2].legend(*axes[0, 0].get_legend_handles_labels(), title="loss", **beside)
    axes[0, 2].legend(handles=legend_of_similarity(dataset), **beside)
    axes[1, 2].legend(handles=legend_of_tasks(dataset), title="task", **beside)
    names = list(dataset.attrs["task_names"])
    gates = [Line2D([], [], color=f"C{path}", label=f"gate of path {names[path]}") for path in range(3)]
    dotted = Line2D([], [], color="0.4", linestyle=":", linewidth=0.8, label="by the published\nrule (E only)")
    axes[2, 2].legend(handles=[*gates, dotted], **beside)


def _caption(data: Data) -> str:
    batches = on_batches(data["task_published_flexible"])
    seeds = [data[f"{kind}_published_flexible"].sizes["seed"] for kind in ("task", "subtask")]
    return (
        f"task composition: {'batches of 200' if batches else 'population flow'}, {seeds[0]} repetitions; subtask "
        f"composition: batches of 200, {seeds[1]} repetitions; bands: standard error; gates and similarity: flexible"
    )
