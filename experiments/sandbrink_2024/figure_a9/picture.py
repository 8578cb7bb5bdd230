"""How figure A9 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a9.numbers import PANEL
from experiments.sandbrink_2024.panels.block_length import draw_block_length
from ntadyn.plotting.style import FORGETFUL, house_style


def draw(data: Data) -> Figure:
    """Panel E; four slices with two descents; the effective loss."""
    potential = data["potential"]
    with house_style():
        figure = plt.figure(figsize=(9.8, 3.7))
        grid = figure.add_gridspec(2, 4, width_ratios=(1.5, 0.85, 0.85, 1.1))
        left, right = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[:, 3])
        draw_block_length(left, data["block_length"])
        first = None
        for index, time in enumerate(potential.slice.values):
            row, column = divmod(index, 2)
            ax = figure.add_subplot(grid[row, 1 + column], sharex=first, sharey=first)
            first = first or ax
            _draw_slice(ax, potential.isel(slice=index))
            ax.set_title(f"$t = {time:g}$")
            ax.tick_params(labelleft=column == 0, labelbottom=row == 1)
            ax.set(xlabel=r"$x$" if row == 1 else "", ylabel="potential" if column == 0 else "")
            if index == 0:
                ax.legend(fontsize=6.5, loc="upper center", ncols=3, handlelength=1.3, columnspacing=0.8)
        _draw_effective_loss(right, potential)
        for ax, letter in ((left, "A"), (first, "B"), (right, "C")):
            if ax is not None:
                ax.set_title(letter, loc="left", fontweight="bold")
    return figure


def _draw_slice(ax: Axes, potential: xr.Dataset) -> None:
    x = potential.x.values
    ax.plot(x, potential.linear.values, color="0.5", linestyle=":", label=r"$V_\mathrm{lin}$")
    ax.plot(x, potential.growth.values, color="0.5", linestyle="--", label=r"$V_2$")
    ax.plot(x, potential.total.values, color="black", label=r"$V$")
    for start, color in zip(potential.start.values, ("C1", "C0"), strict=True):
        at = float(potential.position.sel(start=start))
        ax.plot(at, np.interp(at, x, potential.total.values), "o", color=color, markersize=5, zorder=5)
    ax.set(xlim=(-1.15, 1.15), ylim=(-0.75, 0.65))


def _draw_effective_loss(ax: Axes, potential: xr.Dataset) -> None:
    shown = potential.isel(x=np.flatnonzero(np.abs(potential.x.values) <= PANEL + 1e-9))
    ax.plot(shown.x.values, shown.first_order.values, color="black", linestyle=":", label="first order")
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, shown.sizes["block_duration"]))
    # Short blocks hardly differ: the thinner lines lie on the thicker ones.
    widths = np.linspace(3.0, 1.0, shown.sizes["block_duration"])
    for (duration, loss), color, width in zip(shown.effective.groupby("block_duration"), colors, widths, strict=True):
        label = rf"$\tau_B = {duration:.2g}$"
        ax.plot(shown.x.values, loss.squeeze(), color=color, linestyle="--", linewidth=width, label=label)
    ax.axvline(0, color=FORGETFUL, linewidth=0.6, zorder=-1)
    ax.set(xlabel=r"$\bar w$", ylabel="effective loss (sum over both tasks)")
    ax.legend(loc="lower center", fontsize=6.5)
