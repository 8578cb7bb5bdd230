"""Panels over the whole course of a run with three tasks: loss, gates, similarity, the task in force behind them."""

from collections.abc import Iterable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, TASK_TINTS, band, shade_blocks
from ntadyn.results.quantities import label_of


def shade(axes: Iterable[Axes], dataset: xr.Dataset) -> None:
    """The task in force behind every panel, and the time below it."""
    for ax in axes:
        shade_blocks(ax, dataset.attrs["edges"], dataset.attrs["block_tasks"])
        ax.set_xlabel("time")


def draw_loss(ax: Axes, datasets: dict[str, xr.Dataset], scale: float, top: float) -> None:
    """Losses of a flexible network and, behind it, of a forgetful one.

    Args:
        ax: where to draw.
        datasets: "flexible", and "forgetful" where there is one.
        scale: what losses are multiplied by, `composition.loss_scale` in the units of the older state of the code.
        top: end of the axis.
    """
    for regime, color in (("forgetful", FORGETFUL), ("flexible", FLEXIBLE)):
        if regime in datasets:
            dataset = datasets[regime]
            band(ax, dataset.time.values, scale * dataset.loss.values, color, regime)
            ax.lines[-1].set_linewidth(0.9)
    ax.set(ylim=(0, top), ylabel="loss")


def draw_gates(ax: Axes, dataset: xr.Dataset) -> None:
    """One line per path, named after the teacher that it ends up with; mean over outputs where each has a gate."""
    gates = dataset.gates.mean("output") if "output" in dataset.gates.dims else dataset.gates
    for path in range(gates.sizes["path"]):
        band(ax, dataset.time.values, gates.isel(path=path).values, f"C{path}", f"path {_name(dataset, path)}")
        ax.lines[-1].set_linewidth(0.9)
    ax.axhline(0, color="0.7", linewidth=0.6, zorder=-1)
    ax.set_ylabel("gate")


def draw_similarity(ax: Axes, dataset: xr.Dataset) -> None:
    """Every teacher with every path: solid for its own, else dashes in the colour of the path on the teacher's."""
    num_base = int(dataset.attrs["num_base"])
    for teacher in range(num_base):
        for path in range(num_base):
            mean = dataset.similarity.isel(teacher=teacher, path=path).mean("seed").values
            color = f"C{path}"
            if teacher == path:
                ax.plot(dataset.time.values, mean, color=color, linewidth=1.8)
                continue
            ax.plot(dataset.time.values, mean, color=f"C{teacher}", linewidth=0.9, alpha=0.8, zorder=1)
            ax.plot(dataset.time.values, mean, color=color, linewidth=0.9, linestyle=(0, (4, 4)), zorder=1.1)
    ax.axhline(0, color="0.7", linewidth=0.6, zorder=-1)
    ax.set(ylim=(-0.35, 1.06), ylabel=label_of("similarity"))


def legend_of_similarity(dataset: xr.Dataset) -> list[Line2D]:
    """What lines of `draw_similarity` mean."""
    own = [
        Line2D([], [], color=f"C{path}", linewidth=1.8, label=f"{_name(dataset, path)}, own path")
        for path in range(int(dataset.attrs["num_base"]))
    ]
    return [*own, Line2D([], [], color="0.4", linewidth=0.9, linestyle=(0, (4, 4)), label="other path")]


def legend_of_tasks(dataset: xr.Dataset) -> list[Line2D]:
    """The tints of the tasks that a run shows, in the order of their first block."""
    shown = dict.fromkeys(int(task) for task in np.atleast_1d(dataset.attrs["block_tasks"]))
    names = list(dataset.attrs["task_names"])
    return [Line2D([], [], marker="s", linestyle="", color=TASK_TINTS[task], label=names[task]) for task in shown]


def _name(dataset: xr.Dataset, index: int) -> str:
    return str(np.atleast_1d(dataset.attrs["task_names"])[index])
