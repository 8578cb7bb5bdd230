"""How the digits are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.continual.digits import numbers
from experiments.continual.digits.simulation import EWC, GATED, TUNED
from experiments.harness.runs import Data
from ntadyn.plotting.style import band, house_style, shade_blocks

TITLES = {
    "permuted": "permuted pixels",
    "rotated": "rotated",
    "split_by_task": "split, task-incremental",
    "split_by_class": "split, class-incremental",
}
COLORS = {
    numbers.FINE_TUNING: "0.45",
    GATED: "C5",
    EWC: "C4",
    TUNED: "C0",
    numbers.SMALL: "C1",
    numbers.ALL: "C2",
    numbers.JOINT: "black",
}


def draw(data: Data) -> Figure:
    """Above, accuracy on the first task over the stream; below, mean accuracy over all tasks at the end."""
    with house_style():
        figure, axes = plt.subplots(2, len(TITLES), figsize=(10.0, 5.0), sharex="row", sharey="row")
        for column, (name, title) in enumerate(TITLES.items()):
            _draw_first_task(axes[0, column], data[name])
            _draw_ends(axes[1, column], data[name])
            axes[0, column].set_title(title)
        axes[0, 0].set_ylabel("accuracy on the first task")
        axes[1, 0].set_yticks(range(len(COLORS)), list(COLORS))
        axes[1, 0].invert_yaxis()
        one = next(iter(data.values()))
        figure.suptitle(
            f"descent on batches, {one.sizes['seed']} repetitions; bands: standard error; dots: repetitions, bars: "
            "mean; tints: tasks in turn; colours of lines as of bars",
            fontsize=8,
        )
    return figure


def _draw_first_task(ax: Axes, stream: xr.Dataset) -> None:
    steps, block = stream.step.values, stream.block.values
    edges = np.append([steps[block == index][0] for index in np.unique(block)], steps[-1])
    shade_blocks(ax, edges, np.unique(block))
    for method in stream.learner.values:
        band(ax, steps, stream.accuracy.sel(learner=method).values[:, :, 0], COLORS[str(method)])
    ax.set(
        xlabel="step",
        ylim=(0, 1.03),
        xticks=edges,
        xticklabels=[f"{edge:g}" if at % 2 == 0 else "" for at, edge in enumerate(edges)],
    )


def _draw_ends(ax: Axes, stream: xr.Dataset) -> None:
    for row, (method, color) in enumerate(COLORS.items()):
        if method not in stream.learner.values:
            continue
        values = numbers.final_accuracy(stream, method)
        ax.barh(row, values.mean(), color=color, alpha=0.55, height=0.65)
        ax.plot(values, np.full(len(values), row), linestyle="none", marker="o", markersize=2.5, color="black")
    ax.set(xlabel="accuracy, all tasks, at the end", xlim=(0, 1.03))
