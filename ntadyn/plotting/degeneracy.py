"""Learning coefficients along a simulation, over temperature and rise of the loss; what is refused is hollow."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ntadyn.plotting.style import house_style


def degeneracy_figure(dataset: xr.Dataset) -> Figure:
    """All panels.

    Args:
        dataset: of `ntadyn.specs.degeneracy.degeneracy`.
    """
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(8.0, 2.8), sharey=True, layout="constrained")
        for seed in range(dataset.sizes["seed"]):
            one, color = dataset.isel(seed=seed), f"C{seed % 8}"
            draw_estimates(axes[0], one.block.values, one, "", color)
            if "limit" in one:
                axes[0].plot(one.block, one.limit, color=color, linestyle=":", linewidth=0.8)
            draw_estimates(axes[1], one.over_temperature.values, one, "curve_", color)
            draw_estimates(axes[2], one.curve_loss_cutoff.values, one, "curve_", color)
        axes[0].set(xlabel="end of block", ylabel="learning coefficient")
        axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[1].set(xlabel="inverse temperature $t$", xscale="log")
        axes[2].set(xlabel=r"rise of the loss $\epsilon = \hat\lambda / t$", xscale="log")
        axes[2].invert_xaxis()
        figure.legend(handles=_handles(), loc="outside lower center", ncols=4)
    return figure


def draw_estimates(ax: Axes, places: np.ndarray, one: xr.Dataset, prefix: str, color: str) -> None:
    """Estimates with two standard errors, refused ones hollow, and effective dimensions as a dashed line.

    Args:
        ax: where to draw.
        places: abscissae.
        one: one repetition.
        prefix: of the names of what is drawn.
        color: of this repetition.
    """
    values, errors = one[f"{prefix}value"].values, one[f"{prefix}error"].values
    trusted = one[f"{prefix}trusted"].values.astype(bool)
    ax.plot(places, one[f"{prefix}effective_dimension"], color=color, linestyle="--", linewidth=0.8)
    ax.plot(places, values, color=color, linewidth=0.6)
    ax.errorbar(places, values, 2 * np.nan_to_num(errors), fmt="none", ecolor=color, elinewidth=0.8)
    for some, face in ((trusted, color), (~trusted, "white")):
        ax.plot(places[some], values[some], "o", color=color, markerfacecolor=face, markersize=4, zorder=3)


def _handles() -> list[Line2D]:
    look = {"color": "C0", "marker": "o", "linewidth": 0.6, "markersize": 4}
    return [
        Line2D([], [], **look, label="estimate, ± 2 errors"),
        Line2D([], [], **look, markerfacecolor="white", label="refused"),
        Line2D([], [], color="C0", linestyle="--", linewidth=0.8, label="effective dimension"),
        Line2D([], [], color="C0", linestyle=":", linewidth=0.8, label=r"limit $t \to \infty$"),
    ]
