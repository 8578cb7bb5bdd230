"""How networks of blocks are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from experiments.harness.runs import Data
from experiments.nested.blocks import numbers
from ntadyn.plotting.style import house_style

COLORS = {
    "one block": "black", "two that add up": "C0", "with a retention": "C2", "with a reset": "C1", "nested": "C4",
    "gates": "C3", "gates and a block": "C5", "gates and a reset": "C6",
    "one clock": "black", "two clocks": "C0", "two clocks and a reset": "C1",
}  # fmt: skip


def draw(data: Data) -> Figure:
    """The loss within a block, mean over blocks and repetitions, and its mean for every learner."""
    linear, nonlinear = data["linear"], data["nonlinear"]
    with house_style():
        numbers_of_tasks = linear.tasks.values.tolist()
        figure, axes = plt.subplots(1, len(numbers_of_tasks) + 2, figsize=(12.6, 3.6))
        for ax, number in zip(axes, numbers_of_tasks, strict=False):
            _draw_block(ax, linear.sel(tasks=number))
            ax.set_title(f"{number} orthogonal tasks in turn")
        _draw_block(axes[-2], nonlinear.isel(width=-1))
        axes[-2].set_title(f"perceptrons of {int(nonlinear.width[-1])} inputs")
        axes[0].set_ylabel("loss")
        axes[-2].legend(fontsize=6)
        _draw_means(axes[-1], linear)
        seeds = linear.sizes["seed"]
        figure.suptitle(
            f"in steps, exact means (perceptrons: batches of 32, held-out examples); later half of the stream; {seeds} "
            "repetitions; colours as at the right",
            fontsize=8,
        )
    return figure


def _draw_block(ax: Axes, dataset: xr.Dataset) -> None:
    share = np.linspace(0, 1, dataset.sizes["record"])
    for learner in dataset.learner.values.tolist():
        values = dataset.loss.sel(learner=learner).mean(("seed", "block"))
        style = "--" if learner == "two that add up" else "-"
        ax.plot(share, np.maximum(values, 1e-5), style, color=COLORS[learner], label=learner)
    ax.set(xlabel="share of the block", yscale="log", ylim=(1e-4, None), xlim=(0, 1))


def _draw_means(ax: Axes, linear: xr.Dataset) -> None:
    learners = linear.learner.values.tolist()
    for place, learner in enumerate(learners):
        for shift, marker, number in zip((-0.2, 0.0, 0.2), "os^", linear.tasks.values.tolist(), strict=False):
            values = numbers.mean(linear, learner, tasks=number)
            ax.plot(values, np.full(len(values), place + shift), marker, color=COLORS[learner], markersize=3)
    ax.set(
        yticks=range(len(learners)),
        yticklabels=learners,
        xlabel="mean loss",
        xscale="log",
        title="2 (dots), 3, 4 (triangles)",
    )
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.invert_yaxis()
