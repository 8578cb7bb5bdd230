"""How figure A2 is drawn."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a2 import numbers
from experiments.sandbrink_2024.figure_a2.simulation import RANKS
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Speed over size: as published, and just after late switches."""
    flow = data["flow"]
    with house_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 4.3))
        _draw_published(left, flow.sel(variant="published"), data.get("batches"))
        _draw_late(right, flow)
        for ax, letter in ((left, "A"), (right, "B")):
            ax.set_title(letter, loc="left", fontweight="bold")
        left.set_title("fastest move of any gate, as published")
        right.set_title("just after the last switches")
        how = "population flow and batches of 200" if "batches" in data else "population flow"
        figure.suptitle(
            f"A: {how}, one mark per repetition; stored: one seed of the article, and seeds differ as the dots do;\n"
            "B: population flow, one mark per repetition and switch; below the line: students that are not pure",
            fontsize=8,
        )
    return figure


def _draw_published(ax: Axes, flow: xr.Dataset, batches: xr.Dataset | None) -> None:
    colors = _rank_colors()
    for index, color in enumerate(colors):
        at = flow.isel(rank=index)
        ax.plot(at.size.values[:, 0], at.peak.values, ".", color=color, alpha=0.45, markersize=5)
        if batches is not None:
            one = batches.isel(rank=index)
            ax.plot(one.size.values[:, 0], one.peak.values, "o", color=color, markeredgecolor="black", markersize=6)
        ax.plot(numbers.STORED_SIZE[index], numbers.STORED_SPEED[index], "x", color="C5", markersize=7, mew=1.6)
    _identity(ax, 1.05 * max(float(flow.size.max()), *numbers.STORED_SIZE))
    ax.set(xlabel=r"size of student 1, $\Sigma_a\,s_a^2$", ylabel=r"$\tau_c\,\max|\mathrm{d}c/\mathrm{d}t|$")
    marks = [Line2D([], [], linestyle="", marker=".", color="0.4", label=f"flow, {flow.sizes['seed']} seeds")]
    if batches is not None:
        marks.append(Line2D([], [], linestyle="", marker="o", color="0.6", markeredgecolor="black", label="batches"))
    marks.append(Line2D([], [], linestyle="", marker="x", color="C5", mew=1.6, label="stored"))
    first = ax.legend(handles=marks, loc="upper left")
    ax.add_artist(first)
    ranks = [
        Line2D([], [], linestyle="", marker="s", color=c, label=f"{r}") for r, c in zip(RANKS, colors, strict=True)
    ]
    ax.legend(handles=ranks, title="rank", loc="lower right", ncols=2, columnspacing=0.8, handletextpad=0.2)


def _draw_late(ax: Axes, flow: xr.Dataset) -> None:
    for variant, filled in (("scaled penalty", False), ("scaled penalty and tau_c", True)):
        for index, color in enumerate(_rank_colors()):
            late = flow.sel(variant=variant).isel(rank=index)
            face = color if filled else "none"
            size, speed = late.late_size.values.ravel(), late.late_speed.values.ravel()
            ax.plot(size, speed, "o", color=color, markerfacecolor=face, markersize=4)
    _identity(ax, 1.05 * float(flow.late_size.isel(variant=slice(1, None)).max()))
    ax.set(xlabel=r"size of the student, $\Sigma_a\,s_a^2$", ylabel=r"$\tau_c\,|\mathrm{d}c/\mathrm{d}t|$ of its gate")
    handles = [
        Line2D([], [], color="0.4", linestyle="", marker="o", markerfacecolor=face, label=label)
        for label, face in ((r"penalty $\propto d\,s^2$", "none"), (r"penalty and $\tau_c \propto d\,s^2$", "0.4"))
    ]
    ax.legend(handles=handles, loc="upper left")


def _identity(ax: Axes, top: float) -> None:
    ax.plot([0, top], [0, top], color="0.6", linewidth=0.9, linestyle=(0, (4, 3)), zorder=-1)
    ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")


def _rank_colors() -> np.ndarray:
    return matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(RANKS)))
