"""How figure A8 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

SEPARATIONS = (0.1, 0.25, 0.4)  # of the published arrows
TERMS = {
    "both": "both",
    "through_gates": r"gates: $\Sigma_p\, w^p w^{p\top}$",
    "through_weights": r"weights: $\Sigma_p\, c_p^2$",
}


def draw(data: Data) -> Figure:
    """Both terms and their sum over the plane, and our panel along the line of solutions."""
    grid = data["grid"]
    with house_style():
        figure, axes = plt.subplots(1, 4, figsize=(10.4, 2.9))
        for ax, (name, title), letter in zip(axes, TERMS.items(), "ABC", strict=False):
            mesh = _draw_plane(ax, grid, name)
            ax.set_title(title)
            ax.set_title(letter, loc="left", fontweight="bold")
        axes[0].set_ylabel("$w_2$")
        figure.colorbar(mesh, ax=list(axes[:3]), label="rate of adaptation", ticks=range(5), shrink=0.9)
        _draw_line(axes[3], data["solutions"])
        axes[3].set_title("D", loc="left", fontweight="bold")
        axes[3].set_title("faster gates (ours)")
    return figure


def _draw_plane(ax: Axes, grid: xr.Dataset, name: str):
    a, b = np.meshgrid(grid.a.values, grid.b.values)
    shown = np.ma.masked_array(grid[name].values, a + b > 1 + 1e-9)
    mesh = ax.pcolormesh(
        grid.a.values, grid.b.values, shown, norm=PowerNorm(0.5, 0, 4), cmap="coolwarm", alpha=0.5, rasterized=True
    )
    ax.plot([0, 1], [1, 0], "--", color="black", linewidth=0.8)
    for separation in SEPARATIONS:
        for sign, color in ((-1, "C0"), (1, "C1")):
            tip = (0.5 + sign * separation, 0.5 - sign * separation)
            ax.annotate(
                "", xy=tip, xytext=(0, 0), arrowprops={"arrowstyle": "->", "color": color, "shrinkA": 0, "shrinkB": 0}
            )
    ax.set(xlabel="$w_1$", aspect="equal", xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    return mesh


def _draw_line(ax: Axes, solutions: xr.Dataset) -> None:
    for ratio in solutions.ratio.values:
        total = solutions.total.sel(ratio=ratio).values
        ax.plot(solutions.separation, total / total[0], label=rf"$\tau_W/\tau_c = {ratio:g}$")
    ax.set(xlabel=r"specialisation $\bar{w}$", ylabel="rate, relative to the middle", yscale="log", xlim=(0, 0.5))
    ax.legend()
