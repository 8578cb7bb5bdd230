"""Pictures of basins: shares of fates, fates over a plane of initial states, and the flow in that plane."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.style import TASK_TINTS, WIDTH, house_style
from ntadyn.stability import share

# Colours of fates: copies of an orbit in a darker and a lighter tone of one hue.
COLORS = {
    "specialised": "#0072B2",
    "specialised, paths swapped": "#56B4E9",
    "runaway": "#D55E00",
    "runaway, paths swapped": "#E69F00",
    "neutral": "#009E73",
    "unspecialised": "#CCCCCC",
    "undecided": "#F0E442",
}
TIES = {
    "specialised, either path": ("specialised", "specialised, paths swapped"),
    "runaway, either path": ("runaway", "runaway, paths swapped"),
    "neutral": ("neutral",),
    "unspecialised": ("unspecialised",),
    "undecided": ("undecided",),
}
MARKERS = "os^vD"


def draw_shares(ax: Axes, dataset: xr.Dataset, logarithmic: bool = True) -> None:
    """Shares of fates, copies of an orbit together, with the intervals of Wilson's score.

    Args:
        ax: where to draw.
        dataset: from `specs.basins.shares_by_spread` or `specs.basins.shares_by_gates`.
        logarithmic: whether the parameter is drawn in its logarithm.
    """
    over = str(dataset.share.dims[0])
    x, number = dataset[over].values, int(dataset["count"].isel({over: 0}).sum())
    for (name, parts), marker in zip(TIES.items(), MARKERS, strict=True):
        counts = dataset["count"].sel(fate=list(parts)).sum("fate").values
        if not counts.any():
            continue
        found = np.array([share(int(count), number, dataset.attrs["confidence"]) for count in counts])
        spans = np.abs(found[:, 1:].T - found[:, 0])
        ax.errorbar(
            x, found[:, 0], spans, marker=marker, markersize=4, capsize=2, color=COLORS[parts[0]], label=name,
            linewidth=1.2,
        )  # fmt: skip
    if logarithmic:
        ax.set_xscale("log")
    ax.set(ylim=(-0.03, 1.03), ylabel="share of runs")


def draw_basins(ax: Axes, dataset: xr.Dataset) -> list[Patch]:
    """The fate of every initial state.

    Args:
        ax: where to draw.
        dataset: from `specs.basins.basins_in_plane`.

    Returns:
        What the colours mean, those that occur.
    """
    names = list(COLORS)
    norm = BoundaryNorm(np.arange(len(names) + 1) - 0.5, len(names))
    ax.pcolormesh(
        dataset.lead, dataset.along, dataset.fate.values, cmap=ListedColormap(list(COLORS.values())), norm=norm,
        rasterized=True,
    )  # fmt: skip
    ax.set(xlabel=r"$c_1 - c_2$ at the start", ylabel=r"$D_e$ at the start")
    occurring = np.unique(dataset.fate.values).tolist()
    return [Patch(facecolor=COLORS[names[code]], label=names[code]) for code in occurring]


def draw_portrait(ax: Axes, dataset: xr.Dataset, task: str) -> None:
    """Direction field, nullcline, a few runs and the exact orbit through one block of a task.

    Args:
        ax: where to draw.
        dataset: from `specs.basins.portrait`.
        task: A or B.
    """
    here = dataset.sel(task=task)
    lead, along = np.meshgrid(dataset.lead, dataset.along)
    x, y = here.lead_rate.values, here.along_rate.values
    # Arrows of one length, in the aspect of the axes.
    size = np.hypot(x / np.ptp(lead), y / np.ptp(along))
    size = np.where(size > 0, size, 1)
    ax.quiver(
        lead,
        along,
        x / size,
        y / size,
        angles="xy",
        pivot="mid",
        scale=32,
        scale_units="width",
        width=0.003,
        color="0.6",
    )
    ax.plot(dataset.lead_fine, here.nullcline, color="C1", linewidth=1.4, label="no error along $A - B$: both rest")
    ax.axvline(0.0, color="C2", linewidth=0.8, linestyle="--", label="weights rest")
    ax.plot(here.run_lead.T, here.run_along.T, color="C0", linewidth=1.1, label=["simulated runs"] + ["_"] * 4)
    ax.plot(here.run_lead[:, 0], here.run_along[:, 0], "o", color="C0", markersize=3)
    orbit = slice(None, None, 1 if task == "A" else -1)
    ax.plot(dataset.orbit_lead[orbit], dataset.orbit_along[orbit], color="black", linewidth=1.8,
            linestyle=(0, (4, 2)), label="exact orbit")  # fmt: skip
    start = dataset.orbit_lead.values[orbit][0], dataset.orbit_along.values[orbit][0]
    ax.plot(*start, "o", color="black", markersize=5, label="start of the block")
    for edge in (-1, 1):
        ax.axvline(edge, color="black", linewidth=0.8, linestyle=":")
    ax.set(xlim=(-1.1, 1.1), ylim=(0, float(dataset.along[-1])), xlabel=r"$c_1 - c_2$", title=f"task {task}")
    ax.set_xticks([-1, -0.5, 0, 0.5, 1])
    ax.set_facecolor(TASK_TINTS[0 if task == "A" else 1] + "60")


def portrait_figure(dataset: xr.Dataset) -> Figure:
    """Both tasks side by side.

    Args:
        dataset: from `specs.basins.portrait`.
    """
    with house_style():
        figure, axes = plt.subplots(1, 2, figsize=(1.3 * WIDTH, 3.4), layout="constrained", sharey=True)
        for ax, task in zip(axes, ("A", "B"), strict=True):
            draw_portrait(ax, dataset, task)
        axes[0].set_ylabel(r"$D_e$, of $W^1 - W^2$ along $A - B$")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=7)
        figure.suptitle(f"{settings_title(dataset)}, $q$ = {dataset.attrs['q']:.4g}", fontsize=8)
    return figure


def basins_figure(shares: xr.Dataset, plane: xr.Dataset | None = None) -> Figure:
    """Shares over the spread of initial weights, and the plane of initial states beside it, if there is one.

    Args:
        shares: from `specs.basins.shares_by_spread`.
        plane: from `specs.basins.basins_in_plane`.
    """
    with house_style():
        columns = 1 if plane is None else 2
        figure, axes = plt.subplots(
            1, columns, figsize=(0.75 * WIDTH * columns, 3.4), layout="constrained", squeeze=False
        )
        draw_shares(axes[0, 0], shares)
        axes[0, 0].set_xlabel(r"spread of initial weights, in units of $|W^*|$")
        axes[0, 0].legend(fontsize=7)
        if plane is not None:
            handles = draw_basins(axes[0, 1], plane)
            figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=7)
        blocks = shares.attrs["num_blocks"]
        figure.suptitle(f"{settings_title(shares)}, after {blocks} blocks", fontsize=8)
    return figure
