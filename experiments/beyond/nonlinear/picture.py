"""How gated networks with hidden units are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.beyond.nonlinear.numbers import adaptation
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

COLORS = {
    "flexible": "C0",
    "forgetful": "0.45",
    "fast, no penalty": "C1",
    "slow, penalty": "C2",
    "softmax, rate 1": "C3",
    "softmax with floor": "C4",
    "unit gates, L2": "C5",
}
TITLES = {
    "teachers": "teachers, small initial weights",
    "digits": "digits, slow weights",
    "quick_digits": "digits, quick weights",
    "convolutions": "digits, convolutional paths",
}


def draw(data: Data) -> Figure:
    """Above, steps until a task is found again, block by block; below, their mean over the last four blocks."""
    shown = [name for name in TITLES if name in data]
    with house_style():
        figure, axes = plt.subplots(
            2, len(shown), figsize=(3.1 * len(shown) + 1.0, 6.4), squeeze=False, height_ratios=(1, 1.25)
        )
        for column, name in enumerate(shown):
            _draw_blocks(axes[0, column], data[name])
            _draw_ends(axes[1, column], data[name])
            axes[0, column].set_title(TITLES[name])
        axes[0, 0].set_ylabel("steps until found again")
        handles = [Line2D([], [], color=color, label=name) for name, color in COLORS.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=7)
        figure.suptitle(
            "descent on batches; lines: medians over repetitions, gaps where a task was not found again; "
            "dots: repetitions, at the right edge if not found",
            fontsize=8,
        )
    return figure


def _draw_blocks(ax: Axes, table: xr.Dataset) -> None:
    for name, color in COLORS.items():
        if name in table.condition.values:
            median = np.median(table.steps.sel(condition=name).values, axis=0)
            median = np.where(np.isfinite(median), np.maximum(median, 1), np.nan)
            ax.plot(np.arange(len(median)), median, marker="o", markersize=2.5, color=color)
    ax.set(yscale="log", xlabel="block", ylim=(1, 1200))


def _draw_ends(ax: Axes, table: xr.Dataset) -> None:
    names = [str(name) for name in table.condition.values]
    for row, name in enumerate(names):
        values = np.minimum(np.maximum(adaptation(table, name), 1), 1200)
        color = COLORS.get(name.removesuffix(", usual weights").removesuffix(", slow weights"), "0.3")
        face = "white" if name.endswith("usual weights") else color
        ax.plot(values, np.full(len(values), row), "o", markersize=3.5, color=color, markerfacecolor=face)
    short = [name.replace(", usual weights", ", usual") for name in names]
    ax.set(xscale="log", xlim=(1, 1300), xlabel="steps, last four blocks", yticks=range(len(names)))
    ax.set_yticklabels(short, fontsize=6)
    ax.invert_yaxis()
