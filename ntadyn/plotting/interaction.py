"""A network taken apart: its spectra, its graph by tasks, and how modular and how flat it is along a simulation."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ntadyn.plotting.style import house_style

# Edges below this share of the largest are not drawn; singular values are drawn down to a floor.
FAINTEST, FLOOR = 0.02, 1e-18


def interaction_figure(dataset: xr.Dataset) -> Figure:
    """All panels: spectra and graph at the last block of the first repetition, modularity and ledger over blocks.

    Args:
        dataset: of `ntadyn.specs.interaction.interaction`.
    """
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(8.0, 5.6), layout="constrained")
        last = dataset.isel(seed=0, block=-1)
        draw_spectra(axes[0, 0], last)
        draw_graph(axes[0, 1], last.edge.values)
        draw_modularity(axes[1, 0], dataset)
        draw_ledger(axes[1, 1], dataset.isel(seed=0))
        for ax in axes[1]:
            ax.set_xlabel("end of block")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0, 0].set_title(f"spectra, end of block {int(last.block)}")
        axes[0, 1].set_title(f"interaction graph, end of block {int(last.block)}")
    return figure


def draw_spectra(ax: Axes, one: xr.Dataset) -> None:
    """Singular values of activations and of interactions, and between which two of them each is cut.

    Args:
        ax: where to draw.
        one: one checkpoint.
    """
    index, lowest = np.arange(1, one.sizes["direction"] + 1), 0.05
    for name, color, marker in (("activation", "C0", "o"), ("interaction", "C1", "s")):
        values, rank = one[f"{name}_spectrum"].values, int(one[f"{name}_rank"])
        size = values[0] if values.size and values[0] > 0 else 1.0
        label, shares = f"{name}s, rank {rank}", np.maximum(values / size, FLOOR)
        ax.plot(index, shares, linewidth=0.8, markersize=4, label=label, color=color, marker=marker)
        lowest = min(lowest, 0.5 * float(np.nanmin(shares)))
        if rank < index.size:
            ax.axvline(rank + 0.5, color=color, linestyle=":", linewidth=0.8)
    ax.set(xlabel="direction", ylabel="singular value / largest", yscale="log", xlim=(0.5, index.size + 0.5))
    ax.set_ylim(lowest, 2)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()


def draw_graph(ax: Axes, edges: np.ndarray) -> None:
    """Directions of the hidden layer below, the outputs of every task above in the colour of the task.

    A direction has the colour of the task that it acts on most.

    Args:
        ax: where to draw.
        edges: shape (tasks, outputs, directions), not a number where there is no direction.
    """
    there = ~np.isnan(edges).all(axis=(0, 1))
    edges = edges[:, :, there]
    tasks, outputs, directions = edges.shape
    above = np.linspace(0, 1, tasks * outputs) if tasks * outputs > 1 else np.array([0.5])
    below = np.linspace(0, 1, directions) if directions > 1 else np.full(directions, 0.5)
    of_task = edges.sum(axis=1)
    owner = of_task.argmax(axis=0) if directions else np.zeros(0, int)
    order = np.argsort(owner, kind="stable")
    largest = edges.max(initial=0.0)
    for task in range(tasks):
        for output in range(outputs):
            for place, direction in enumerate(order):
                weight = edges[task, output, direction] / largest if largest else 0.0
                if weight > FAINTEST:
                    ends = [below[place], above[task * outputs + output]]
                    ax.plot(ends, [0, 1], color=f"C{task % 8}", linewidth=2 * weight**0.5, alpha=0.6, zorder=1)
    colors = [f"C{task % 8}" for task in np.repeat(np.arange(tasks), outputs)]
    ax.scatter(above, np.ones(above.size), color=colors, s=28, zorder=2)
    ax.scatter(below, np.zeros(directions), color=[f"C{task % 8}" for task in owner[order]], s=28, marker="s", zorder=2)
    for task in range(tasks):
        middle = above[task * outputs : (task + 1) * outputs].mean()
        ax.text(middle, 1.07, f"task {task + 1}", ha="center", va="bottom", color=f"C{task % 8}", fontsize="small")
    ax.text(0.5, -0.07, "directions of the hidden layer", ha="center", va="top", fontsize="small")
    ax.set(xlim=(-0.06, 1.06), ylim=(-0.2, 1.2))
    ax.set_axis_off()


def draw_modularity(ax: Axes, dataset: xr.Dataset) -> None:
    """The three numbers over blocks: by tasks at all gaps of strengths, the best, and the best by chance.

    Args:
        ax: where to draw.
        dataset: all repetitions; means over them, and the range of both gaps and repetitions.
    """
    blocks, given = dataset.block.values, dataset.modularity
    at_gap = given.sel(gap=dataset.attrs["gap"]).mean("seed")
    ax.fill_between(blocks, given.min(("seed", "gap")), given.max(("seed", "gap")), color="C0", alpha=0.2, linewidth=0)
    ax.plot(blocks, at_gap, "o-", color="C0", markersize=4, label="by tasks (band: all gaps, repetitions)")
    ax.plot(blocks, dataset.best_modularity.mean("seed"), "s--", color="C1", markersize=4, label="best partition")
    null, spread = dataset.null_modularity.mean("seed"), dataset.null_modularity_deviation.mean("seed")
    ax.errorbar(
        blocks, null, 2 * spread, color="0.5", fmt="^:", markersize=4, elinewidth=0.8, label="best by chance, ± 2 sd"
    )
    ax.set(ylabel="modularity", ylim=(min(-0.2, float(given.min()) - 0.05), 1.0))
    ax.legend(fontsize="x-small", loc="upper left")


def draw_ledger(ax: Axes, one: xr.Dataset) -> None:
    """All parameters over blocks: those that are seen, and why the others are not.

    Args:
        ax: where to draw.
        one: one repetition.
    """
    names = one.explanation_name.values
    names = names[0] if names.ndim == 2 else names
    parts = {"seen to second order": one["rank"].values}
    parts |= {
        str(name): one.explained.values[:, at] for at, name in enumerate(names) if one.explained.values[:, at].any()
    }
    parts["unexplained"] = one.unexplained.values
    bottom, places = np.zeros(one.sizes["block"]), np.arange(one.sizes["block"])
    for at, (name, counts) in enumerate(parts.items()):
        look: dict[str, Any] = {"color": "0.75"} if at == 0 else {"color": f"C{at}"}
        if name == "unexplained":
            look = {"facecolor": "white", "edgecolor": "black", "hatch": "///", "linewidth": 0.6}
        ax.bar(places, counts, bottom=bottom, width=0.7, label=name, **look)
        bottom = bottom + counts
    ax.set_xticks(places, [str(block) for block in one.block.values])
    ax.set(ylabel="parameters", ylim=(0, 1.35 * bottom.max()))
    ax.legend(fontsize="x-small", ncols=2, loc="upper center")
