"""How hierarchies of gates are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.nested.contexts import numbers
from experiments.nested.contexts.simulation import POINTS
from ntadyn.plotting.style import house_style, shade_blocks

MAPS = {
    "last_alignment": ("paths know tasks", 0.5),
    "context_alignment": ("gates have contexts", 0.5),
    "kept_gates": ("last task's gates are kept", -1.0),
}
COLORS = {"contexts slower": "C3", "contexts a little faster": "C1", "contexts much faster": "C0"}
MARKS = dict(zip(POINTS, "so^", strict=True))


def draw(data: Data) -> Figure:
    """Above, maps over both ratios of time constants; below, gates during two visits, and what a return saves."""
    with house_style():
        figure = plt.figure(figsize=(11.4, 6.4))
        upper, lower = np.ravel(np.asarray(figure.subfigures(2, 1, height_ratios=(1.15, 1))))
        for ax, (score, (title, least)) in zip(upper.subplots(1, 3), MAPS.items(), strict=True):
            _draw_map(upper, ax, data["map"], score, least)
            ax.set_title(title)
        axes = lower.subplots(1, 4, width_ratios=(1.2, 1.2, 1.2, 1))
        for ax, point in zip(axes, POINTS, strict=False):
            _draw_gates(ax, data["traces"].sel(point=point))
            ax.set_title(point, color=COLORS[point])
        axes[0].set_ylabel("gates")
        handles, names = axes[0].get_legend_handles_labels()
        lower.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize=7)
        _draw_savings(axes[-1], data["points"])
        sweep, points = data["map"], data["points"]
        figure.suptitle(
            f"population flow of overlaps, continuous time; means over {sweep.sizes['seed']} repetitions, "
            f"gates of one of them; dots: {points.sizes['seed']} repetitions",
            fontsize=8,
        )
    return figure


def _draw_map(figure, ax: Axes, sweep: xr.Dataset, score: str, least: float) -> None:
    of_contexts, of_gates = numbers.ratios(sweep)
    values = sweep[score].mean("seed").transpose(of_contexts.dims[0], of_gates.dims[0])
    found = ax.pcolormesh(of_gates, of_contexts, values, shading="nearest", vmin=least, vmax=1.0, rasterized=True)
    figure.colorbar(found, ax=ax, pad=0.02)
    ax.axhline(1.0, color="white", linewidth=0.8, linestyle=":")
    for point, clocks in POINTS.items():
        ax.plot(
            clocks.gates_to_weights,
            clocks.contexts_to_gates,
            MARKS[point],
            color=COLORS[point],
            markeredgecolor="white",
        )
    ax.set(xscale="log", yscale="log", xlabel=r"$\tau_c / \tau_W$", ylabel=r"$\tau_g / \tau_c$")


def _draw_gates(ax: Axes, trace: xr.Dataset) -> None:
    """The last two visits of either context."""
    edges = trace.edge.values
    start = edges[-1 - 4 * numbers.VISIT]
    late = trace.isel(record=trace.time.values >= start)
    shade_blocks(ax, edges[-1 - 4 * numbers.VISIT :], trace.task.values[-4 * numbers.VISIT :])
    for context, color in enumerate(("black", "0.5")):
        ax.plot(late.time, late.contexts[:, context], color=color, linewidth=1.6, label=f"context {context + 1}")
        for path in range(2):
            ax.plot(
                late.time,
                late.paths[:, 2 * context + path],
                color=f"C{2 * context + path}",
                linewidth=0.9,
                linestyle="-" if path == 0 else "--",
                label=f"path {2 * context + path + 1}",
            )
    ax.set(xlabel="time", xlim=(start, edges[-1]))


def _draw_savings(ax: Axes, points: xr.Dataset) -> None:
    for place, point in enumerate(POINTS):
        for shift, network, face in ((-0.12, "hierarchy", COLORS[point]), (0.12, "flat", "white")):
            values = numbers.savings(points, point, network)
            jitter = np.linspace(-0.06, 0.06, len(values))
            ax.plot(
                np.full(len(values), place + shift) + jitter, np.sort(values), MARKS[point], markersize=3.5,
                markerfacecolor=face, markeredgecolor=COLORS[point], linestyle="none",
            )  # fmt: skip
    ax.axhline(0, color="0.7", linewidth=0.8)
    ax.set(
        xticks=range(len(POINTS)),
        xticklabels=[name.replace("contexts ", "").replace(" ", "\n") for name in POINTS],
        title="saved on a return\n(open: flat network)",
        ylim=(None, 1),
    )
