"""How figure A3 is drawn."""

from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a3 import numbers
from ntadyn.plotting.style import house_style, shade_blocks


def draw(data: Data) -> Figure:
    """Above one seed of each kind, as published; below what all seeds do."""
    titles = {"without": "no penalty on weights", "with": "penalty on columns of weights"}
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(7.4, 4.8))
        for ax, (name, title) in zip(axes[0], titles.items(), strict=True):
            _draw_gates(ax, data[name])
            ax.set_title(title)
        axes[0, 1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        _draw_counts(axes[1, 0], data)
        _draw_norms(axes[1, 1], data)
        for ax, letter in zip(axes.flat, "ABCD", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        how = "batches of 200" if data["with"].attrs["online"] else "population flow"
        count = data["with"].sizes["seed"]
        figure.suptitle(f"{how}; A, B: one seed of the most common kind; C, D: all {count} seeds", fontsize=8)
    return figure


def _draw_gates(ax: Axes, dataset: xr.Dataset) -> None:
    shade_blocks(ax, dataset.attrs["edges"], dataset.attrs["block_tasks"])
    one = dataset.isel(seed=numbers.typical_seed(dataset))
    labels = ["path of task 1", "path of task 2", "third path", "fourth path"]
    for path, label in enumerate(labels):
        ax.plot(one.time.values, one.gates.isel(path=path).values, color=f"C{path}", label=label)
    ax.set(xlabel="time", ylabel="gate", ylim=(-0.08, 1.15))


def _draw_counts(ax: Axes, data: Data) -> None:
    """Share of seeds by the number of open gates at the end of the last block of each task."""
    counts = np.arange(1, 4)
    place = 0
    for name, color in (("without", "0.6"), ("with", "C0")):
        for task, hatch in ((0, ""), (1, "////")):
            open_gates = numbers.num_active(data[name])[:, task]
            share = [(open_gates == count).mean() for count in counts]
            label = f"{name} penalty, task {task + 1}"
            ax.bar(counts + 0.2 * (place - 1.5), share, 0.18, color=color, hatch=hatch, edgecolor="white", label=label)
            place += 1
    ax.set(xlabel=f"gates above {numbers.ACTIVE} at the end of a block", ylabel="share of seeds", xticks=counts)
    ax.set(ylim=(0, 1.3), yticks=np.linspace(0, 1, 6))
    ax.legend(loc="upper right", borderaxespad=0.1)


def _draw_norms(ax: Axes, data: Data) -> None:
    """Norm of the paths' weights: those in use, and the others; median and middle half of the seeds."""
    handles = []
    for name, color in (("without", "0.5"), ("with", "C0")):
        dataset = data[name]
        used = numbers.in_use(dataset)
        styles: tuple[tuple[Literal["-", "--"], str], ...] = (("-", "in use"), ("--", "not in use"))
        for chosen, (style, kind) in zip((used, ~used), styles, strict=True):
            norms = np.moveaxis(dataset.norms.values, 1, 2)[chosen]
            if not norms.size:
                continue
            low, middle, high = np.quantile(norms, (0.25, 0.5, 0.75), axis=0)
            ax.plot(dataset.time.values, middle, color=color, linestyle=style)
            ax.fill_between(dataset.time.values, low, high, color=color, alpha=0.2, linewidth=0)
            handles.append(Line2D([], [], color=color, linestyle=style, label=f"{name} penalty,\n{kind}"))
    ax.set(xlabel="time", ylabel=r"$\Vert W^p\Vert_F$", ylim=(0, 0.8), xlim=(0, data["with"].attrs["edges"][-1]))
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
