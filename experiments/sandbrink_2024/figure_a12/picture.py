"""How figure A12 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.outcomes import on_batches
from experiments.harness.runs import Data
from experiments.sandbrink_2024.panels.composition import (
    draw_gates,
    draw_loss,
    draw_similarity,
    legend_of_similarity,
    legend_of_tasks,
    shade,
)
from experiments.sandbrink_2024.runs import composition
from experiments.sandbrink_2024.runs.composition import loss_scale
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
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
