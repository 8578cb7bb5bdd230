"""Pictures of branches of orbits over the gate time constant: how far the paths differ, and how disturbances grow."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.style import WIDTH, house_style

GATES = r"gate time constant $\tau_c$"


def draw_distances(ax: Axes, dataset: xr.Dataset) -> None:
    """|W^1 - W^2| over the gate time constant: grazing orbits through their fold, and what the whole system has.

    Args:
        ax: where to draw.
        dataset: from `specs.branches`: grazing orbits, and perhaps branches of unspecialised and specialised ones.
    """
    tau, distance = dataset.grazing.values, dataset.grazing_distance.values
    turn = int(np.argmax(tau))
    upper, lower = (slice(None, turn + 1), slice(turn, None))
    ax.plot(tau[upper], distance[upper], color="C0", label="grazing from above: specialised, in the plane")
    ax.plot(tau[lower], distance[lower], "--", color="C0", label="grazing from below")
    order = np.argsort(tau[upper])
    ax.fill_between(
        tau[upper][order], np.interp(tau[upper][order], tau[lower][::-1], distance[lower][::-1]),
        distance[upper][order], color="C0", alpha=0.12, linewidth=0, label="gates reach zero: the distance climbs",
    )  # fmt: skip
    ax.plot(dataset.fold, dataset.fold_distance, "s", color="C1", markersize=5, label="fold", zorder=4)
    if "specialised" in dataset.dims:
        ax.plot(
            dataset.specialised, dataset.specialised_distance, "o", color="black", markersize=3.5, fillstyle="none",
            label="specialised, whole system", zorder=3,
        )  # fmt: skip
    if "unspecialised" in dataset.dims:
        ax.plot(
            dataset.unspecialised, dataset.unspecialised_distance, color="C3", linestyle=":", label="unspecialised",
        )  # fmt: skip
    ax.set(xscale="log", xlabel=GATES, ylabel=r"$|W^1 - W^2|$", ylim=(-0.03, None), title="Orbits")


def draw_growth_per_block(ax: Axes, dataset: xr.Dataset) -> None:
    """Mu - 1 of the unspecialised orbit, in the whole system and in the plane.

    Args:
        ax: where to draw.
        dataset: with the variables of `specs.branches.unspecialised_over_gates`.
    """
    ax.plot(dataset.unspecialised, dataset.predicted_growth - 1, color="0.5", label="in the plane")
    ax.plot(
        dataset.unspecialised, dataset.growth_per_block - 1, "o", color="C3", markersize=4, fillstyle="none",
        label="whole system",
    )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel=GATES, ylabel=r"$\mu - 1$ per block", title="Growth of differences")
    ax.legend(fontsize=7)


def bifurcation_figure(dataset: xr.Dataset) -> Figure:
    """The bifurcation diagram, and the growth along the unspecialised branch if there is one.

    Args:
        dataset: from `specs.branches`.
    """
    number = 2 if "unspecialised" in dataset.dims else 1
    with house_style():
        figure, axes = plt.subplots(1, number, figsize=(WIDTH * (1.35 if number == 2 else 1), 3.9), squeeze=False,
                                    layout="constrained")  # fmt: skip
        draw_distances(axes[0, 0], dataset)
        if number == 2:
            draw_growth_per_block(axes[0, 1], dataset)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=7)
        figure.suptitle(settings_title(dataset), fontsize=8)
    return figure
