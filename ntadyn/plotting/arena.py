"""The result of a contest as a picture: learning over blocks, stability against plasticity, and what was kept."""

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import MaxNLocator

from ntadyn.metrics import rows_of_tasks
from ntadyn.plotting.style import house_style, line_looks

MARKERS = "osD^v<>Pp*hX"
MATRICES_IN_A_ROW = 6
INCH_PER_ROW_OF_MATRICES = 1.35
MARGIN = 0.03
FLOOR = 1e-3  # losses below are drawn here


def arena_figure(dataset: xr.Dataset) -> Figure:
    """All panels.

    Args:
        dataset: of `ntadyn.arena.run_contest`.
    """
    rows = dataset.sizes["row"]
    lines = -(-rows // MATRICES_IN_A_ROW)
    with house_style():
        figure = plt.figure(figsize=(9.0, 3.4 + INCH_PER_ROW_OF_MATRICES * lines), layout="constrained")
        grid = GridSpec(1 + lines, MATRICES_IN_A_ROW, figure, height_ratios=[3.0, *[INCH_PER_ROW_OF_MATRICES] * lines])
        half = MATRICES_IN_A_ROW // 2
        draw_learning(figure.add_subplot(grid[0, :half]), dataset)
        balance = figure.add_subplot(grid[0, half:])
        draw_balance(balance, dataset)
        balance.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=6)
        axes = [figure.add_subplot(grid[1 + k // MATRICES_IN_A_ROW, k % MATRICES_IN_A_ROW]) for k in range(rows)]
        finite = dataset.adapted.values[np.isfinite(dataset.adapted.values)]
        norm = Normalize(0.0, float(finite.max()) if finite.size else 1.0)
        for index, ax in enumerate(axes):
            draw_matrix(ax, dataset, index, norm)
        bar = figure.colorbar(ScalarMappable(norm, "viridis_r"), ax=axes, fraction=0.02, pad=0.01)
        bar.set_label("loss, gates adapted")
    return figure


def draw_learning(ax: Axes, dataset: xr.Dataset) -> None:
    """Mean loss on the task in force, block by block, mean over repetitions.

    Args:
        ax: where to draw.
        dataset: of `ntadyn.arena.run_contest`.
    """
    durations = np.diff(dataset.attrs["edges"])
    blocks = np.arange(durations.size) + 1
    for index, look in enumerate(line_looks(dataset.sizes["row"])):
        mean = (dataset.area.isel(row=index).values / durations).mean(axis=0)
        ax.plot(blocks, np.maximum(mean, FLOOR), marker=MARKERS[index % len(MARKERS)], markersize=2.5, **look)
    ax.set(xlabel="block", ylabel="mean loss on the task in force", yscale="log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_balance(ax: Axes, dataset: xr.Dataset) -> None:
    """Loss on what was just practised against the loss on the rest after gates have adapted: down and left is better.

    Args:
        ax: where to draw.
        dataset: of `ntadyn.arena.run_contest`.
    """
    for index, look in enumerate(line_looks(dataset.sizes["row"])):
        row = dataset.isel(row=index)
        x, y = row.plasticity.values, row.stability.values
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            continue  # nothing to keep, or a run that failed
        spread = {"xerr": x.std(ddof=1), "yerr": y.std(ddof=1)} if x.size > 1 else {}
        marker = MARKERS[index % len(MARKERS)]
        name = str(row.row.values)
        ax.errorbar(x.mean(), y.mean(), fmt=marker, color=look["color"], markersize=4, label=name, **spread)
    ax.set(xlabel="loss on the task just practised", ylabel="loss on the other tasks, gates adapted")
    # Losses are not negative; the margin keeps markers at zero whole.
    ax.set_xlim(left=-MARGIN * ax.get_xlim()[1])
    ax.set_ylim(bottom=-MARGIN * ax.get_ylim()[1])


def draw_matrix(ax: Axes, dataset: xr.Dataset, index: int, norm: Normalize) -> None:
    """R of one row: the loss on every practised task (columns) after the last block of every practised task (rows).

    Args:
        ax: where to draw.
        dataset: of `ntadyn.arena.run_contest`.
        index: of the row.
        norm: of the colours.
    """
    order = np.asarray(dataset.attrs["block_tasks"])
    tasks = np.unique(order)
    by_time = tasks[np.argsort([np.flatnonzero(order == task)[-1] for task in tasks])]
    mean = dataset.adapted.isel(row=index).values.mean(axis=0)
    found = np.asarray(rows_of_tasks(jnp.asarray(mean), jnp.asarray(order)))
    ax.imshow(found[by_time][:, by_time], cmap="viridis_r", norm=norm)
    names = [chr(ord("A") + int(task)) if task < 26 else str(task) for task in by_time]
    ax.set_xticks(range(tasks.size), names, fontsize=6)
    ax.set_yticks(range(tasks.size), [f"after {name}" for name in names], fontsize=6)
    ax.set_title(str(dataset.row.values[index]), fontsize=7)
    ax.tick_params(length=0)
