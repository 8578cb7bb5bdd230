"""Panels of gated read-outs of images: accuracy on the task in force, and gates."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from experiments.sandbrink_2024.runs.images import FLEXIBLE, FLEXIBLE_L1, FORGETFUL
from ntadyn.plotting.style import FLEXIBLE as BLACK, FORGETFUL as GREY, band, shade_blocks

LOOKS = {
    FORGETFUL: {"color": GREY, "linewidth": 1.2},
    FLEXIBLE_L1: {"color": "C0", "linewidth": 0.9, "linestyle": (0, (4.0, 1.5))},
    FLEXIBLE: {"color": BLACK, "linewidth": 1.1},
}
"""From the back to the front."""


def shade(ax: Axes, dataset: xr.Dataset) -> None:
    """The task in force behind a panel, and the time below it."""
    times, block = dataset.time.values, dataset.block.values
    blocks = np.unique(block)
    edges = np.append([times[block == index][0] for index in blocks], times[-1])
    shade_blocks(ax, edges, blocks % 2)
    ax.set_xlabel("time (ten steps)")


def draw_accuracy(ax: Axes, dataset: xr.Dataset) -> None:
    """Accuracy of all regimes on the task in force: mean over seeds, standard error."""
    shade(ax, dataset)
    for regime, look in LOOKS.items():
        band(ax, dataset.time.values, dataset.accuracy.sel(regime=regime).values, label=regime, **look)
    ax.set(ylim=(0, 1.02), ylabel="accuracy, task in force")


def draw_gates(ax: Axes, dataset: xr.Dataset, gates: dict[str, np.ndarray]) -> None:
    """The two gates, in the colour of the task whose path they open.

    Args:
        ax: where to draw.
        dataset: with the times of records.
        gates: regime -> gates of paths in the order second task last, (seeds, records, 2).
    """
    shade(ax, dataset)
    for regime, values in gates.items():
        dashes = LOOKS[regime].get("linestyle", "-")
        for path, color in enumerate(("C0", "C5")):
            label = f"path of task {'AB'[path]}, {regime.rpartition(', ')[2]}"
            band(ax, dataset.time.values, values[..., path], color, label, linewidth=1.0, linestyle=dashes)
    ax.axhline(0, color="0.7", linewidth=0.6, zorder=-1)
    ax.set_ylabel("gate")


def caption(features: xr.Dataset, readouts: xr.Dataset) -> str:
    """What the images are and what lines and bands mean."""
    return (
        f"{features.attrs['name']}: {features.attrs['split']}; accuracy on held-out images\n"
        f"mean of {readouts.sizes['seed']} read-outs of the same features, bands: standard error; tints: task in force"
    )
