"""How foresight is drawn."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.degeneracy.foresight.numbers import areas, not_yet, scores, specialised
from experiments.degeneracy.foresight.simulation import USUAL
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

LOOKS: dict[str, dict[str, Any]] = {
    "contrast": {"color": "black", "linestyle": "--", "marker": "o"},
    "sampled": {"color": "C0", "linestyle": "-", "marker": "s"},
    "closed form": {"color": "C1", "linestyle": "-", "marker": "^"},
}
NAMES = {"contrast": "contrast", "sampled": "coefficient, sampled", "closed form": "coefficient, closed form"}
LEAST = 10  # networks of a kind, below which no area is drawn


def draw(data: Data) -> Figure:
    """Above, areas under ROC curves over blocks; below, the coefficient of those that will specialise and of others."""
    with house_style():
        figure, axes = plt.subplots(
            2, len(data), figsize=(1.6 + 3.1 * len(data), 5.4), squeeze=False, layout="constrained", sharex="col"
        )
        for column, (cell, dataset) in enumerate(data.items()):
            _draw_areas(axes[0, column], dataset)
            _draw_coefficients(axes[1, column], dataset)
            share = f"{100 * specialised(dataset).mean():.0f} % of {dataset.sizes['seed']} specialise"
            axes[0, column].set_title(f"{cell}: {share}")
            axes[1, column].set_xlabel("end of block")
            axes[1, column].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0, 0].set_ylabel("area under the ROC curve")
        axes[1, 0].set_ylabel("learning coefficient")
        axes[0, 0].legend(loc="lower left", fontsize=7)
        axes[1, 0].legend(loc="upper left", fontsize=7)
    return figure


def _draw_areas(ax: Axes, dataset: xr.Dataset) -> None:
    blocks = dataset.block.values
    so_far = 1 - not_yet(dataset).mean(axis=0)
    ax.bar(blocks, so_far, width=0.9, color="0.9", zorder=-5, label="have specialised so far (share)")
    at = dataset.temperature.values.tolist().index(USUAL)
    will = specialised(dataset)[:, None] & not_yet(dataset)
    enough = (will.sum(axis=0) >= LEAST) & ((not_yet(dataset) & ~will).sum(axis=0) >= LEAST)
    for name, look in LOOKS.items():
        found = [
            areas(dataset, block, scores(dataset, name, block)[at if name == "closed form" else 0])[0]
            for block in blocks[enough]
        ]
        low, high = np.transpose([each.interval for each in found])
        ax.plot(blocks[enough], [each.value for each in found], markersize=4, label=NAMES[name], **look)
        ax.fill_between(
            blocks[enough], np.clip(low, 0, 1), np.clip(high, 0, 1), color=look["color"], alpha=0.2, linewidth=0
        )
    ax.axhline(0.5, color="grey", linewidth=0.7, linestyle=":")
    ax.set_ylim(-0.02, 1.02)


def _draw_coefficients(ax: Axes, dataset: xr.Dataset) -> None:
    will = specialised(dataset)
    series = {"sampled": dataset.value, "closed form": dataset.laplace.sel(temperature=USUAL)}
    for name, values in series.items():
        for who, line, label in ((will, "-", "will specialise"), (~will, ":", "will not")):
            some = values.values[who]
            color = LOOKS[name]["color"]
            low, middle, high = np.quantile(some, (0.25, 0.5, 0.75), axis=0)
            ax.plot(dataset.block, middle, color=color, linestyle=line, label=f"{name}, {label}")
            ax.fill_between(dataset.block, low, high, color=color, alpha=0.15, linewidth=0)
    ax.axhline(dataset.attrs["size"], color="grey", linewidth=0.7)
    ax.axhline(dataset.attrs["size"] / 2, color="grey", linewidth=0.7)
