"""How figure 6 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.panels.second_layer import draw_second_layer
from experiments.sandbrink_2024.runs import two_layers
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, house_style

# How they are drawn.
WITHOUT_NOISE = {"steps": ("--", "no noise,\nsame steps"), "flow": (":", "no noise,\nsmall steps")}


def draw(data: Data) -> Figure:
    """The second layer after both tasks, and the alignment of the first one over time."""
    with house_style():
        figure = plt.figure(figsize=(7.0, 3.1))
        grid = figure.add_gridspec(2, 2, width_ratios=(1.0, 1.1))
        maps = two_layers.sorted_maps(data["flexible"])[0]
        left = [figure.add_subplot(grid[row, 0]) for row in range(2)]
        for ax, values, task in zip(left, maps, "AB", strict=True):
            mesh = draw_second_layer(ax, values)
            ax.set_ylabel(f"after task {task}")
        left[0].set_title("A", loc="left", fontweight="bold")
        left[0].set_title("second layer, sorted")
        left[1].set_xlabel("units matched with A | with B")
        figure.colorbar(mesh, ax=left, label="weight", ticks=(0, 0.25, 0.5), shrink=0.8)
        _draw_alignment(figure.add_subplot(grid[:, 1]), data)
        count = data["flexible"].sizes["seed"]
        figure.suptitle(
            f"batches of 200; A: one repetition, B: mean of {count}, band: standard error;\n"
            "dots: published steps are as long as the time constant of the second layer, and small ones end elsewhere",
            fontsize=8,
        )
    return figure


def _draw_alignment(ax: Axes, data: Data) -> None:
    for regime, color in (("forgetful", FORGETFUL), ("flexible", FLEXIBLE)):
        dataset = data[regime]
        band(ax, dataset.time.values, dataset.alignment.values, color, regime)
        for prefix, (style, text) in WITHOUT_NOISE.items():
            if f"{prefix}_{regime}" in data:
                exact = data[f"{prefix}_{regime}"]
                label = text if regime == "flexible" else None
                mean = np.mean(exact.alignment.values, axis=0)
                ax.plot(exact.time.values, mean, style, color=color, label=label, linewidth=1.0)
    flexible = data["flexible"]
    optimal = np.mean(flexible.optimal_alignment.values, axis=0)
    ax.plot(flexible.time.values, optimal, color="C0", linewidth=1.0, label="optimal\nassignment")
    ax.set(ylim=(0, 1), xlim=(0, flexible.time.values[-1]), xlabel="time", ylabel="total alignment")
    ax.set_title("B", loc="left", fontweight="bold")
    ax.legend(loc="lower right", fontsize=6.5, ncols=2, borderaxespad=0.1)
