"""Heat maps of the second layer of a two-layer network."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from experiments.sandbrink_2024.runs.two_layers import REGIMES
from ntadyn.plotting.style import house_style

LARGEST = 0.5  # of the published colour scale


def draw_second_layer(ax: Axes, values: np.ndarray, divided: bool = True) -> QuadMesh:
    """Outputs downwards, units to the right, white for nothing and below.

    Args:
        ax: where to draw.
        values: W2, shape (d_out, units).
        divided: whether a line separates the two halves of the units.

    Returns:
        The mesh, for a colour bar.
    """
    mesh = ax.pcolormesh(values[::-1], cmap="Oranges", vmin=0.0, vmax=LARGEST, rasterized=True)
    if divided:
        ax.axvline(values.shape[1] / 2, color="0.4", linewidth=0.8)
    ax.set(xticks=[], yticks=[], aspect="equal")
    for side in ax.spines.values():
        side.set_visible(True)
    return mesh


def draw_both_regimes(rows: Mapping[str, Mapping[str, np.ndarray]], title: str, divided: bool) -> Figure:
    """Four heat maps for every order of the units: after both tasks, flexible and forgetful networks side by side.

    Args:
        rows: label of the columns, which says how units are ordered -> regime -> W2 after task A and after task B,
            shape (2, d_out, units).
        title: over all panels.
        divided: whether a line separates the two halves of the units.

    Returns:
        The figure.
    """
    with house_style():
        figure, axes = plt.subplots(2 * len(rows), 2, figsize=(6.2, 0.3 + 2.8 * len(rows)))
        for pair, (units, maps) in zip(np.split(axes, len(rows)), rows.items(), strict=True):
            for column, regime in enumerate(REGIMES):
                for row, task in enumerate("AB"):
                    mesh = draw_second_layer(pair[row, column], maps[regime][row], divided)
                    pair[row, 0].set_ylabel(f"after task {task}")
                axes[0, column].set_title(regime)
                pair[1, column].set_xlabel(units)
        shrink = 0.8 / len(rows)
        figure.colorbar(mesh, ax=axes, label="weight", ticks=(0, 0.25, 0.5), extend="both", shrink=shrink)
        figure.suptitle(title, fontsize=8)
    return figure
