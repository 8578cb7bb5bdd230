"""The panel that panel E of figure 4 and the left of figure A9 share."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from experiments.sandbrink_2024.runs.block_length import BLOCK_DURATIONS, SHI_TIME, START, parallel_pathways
from ntadyn.plotting.style import FORGETFUL

SHI_COLOR = "C3"


def draw_block_length(ax: Axes, runs: xr.Dataset) -> None:
    """Students of both block lengths in the plane, the lines of parallel pathways, and a bracket that is wbar.

    Args:
        ax: where to draw.
        runs: from `runs.block_length`.
    """
    line = np.linspace(0, SHI_TIME, 200)
    for start in START:
        points = parallel_pathways(start, line)
        ax.plot(*points.T, color=SHI_COLOR, linewidth=1.2)
        ax.plot(*points[-1], "o", color=SHI_COLOR, markersize=3)
    for duration, alpha in zip(BLOCK_DURATIONS, (0.4, 1.0), strict=True):
        weights = runs.weights.sel(block_duration=duration).values
        for path in range(2):
            label = rf"$\tau_B = {duration:g}$" if path == 0 else None
            ax.plot(*weights[:, path].T, color=f"C{path}", alpha=alpha, linewidth=1.2, label=label)
            ax.plot(*weights[-1, path], "o", color=f"C{path}", alpha=alpha, markersize=3.5)
    ends = runs.weights.sel(block_duration=BLOCK_DURATIONS[-1]).values[-1]
    ax.annotate("", ends[0], ends[1], arrowprops={"arrowstyle": "|-|,widthA=0.25,widthB=0.25", "color": FORGETFUL})
    beside = 0.7 * ends[1] + 0.3 * ends[0]
    ax.annotate(r"$\sqrt{2}\,\bar w$", beside, (3, 3), textcoords="offset points", color="0.4", fontsize=8)
    ax.plot([0, 1], [1, 0], "*", color="black", markersize=8, clip_on=False)
    ax.plot([], [], color=SHI_COLOR, label="parallel\npathways")
    ax.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal", xlabel=r"$w_1$", ylabel=r"$w_2$")
    ax.legend(loc="upper right", fontsize=7, handlelength=1.2)
