"""How the frontier of EWC is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from experiments.continual.ewc_frontier import numbers
from experiments.continual.ewc_frontier.simulation import TAU_WEIGHTS
from experiments.harness.runs import Data
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, house_style

LINE = "C1"


def draw(data: Data) -> Figure:
    """Both losses against each other; how the strength moves along the line; the way back to the first task."""
    ewc, flexible = data["ewc"], data["flexible"]
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(10.4, 3.3), width_ratios=(1.25, 1, 1))
        for ax, letter in zip(axes, "ABC", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        _draw_plane(figure, axes[0], ewc, flexible)
        _draw_strengths(axes[1], ewc)
        _draw_return(axes[2], ewc, flexible)
        seeds = flexible.sizes["seed"]
        figure.suptitle(
            f"population flow; {seeds} repetitions of the flexible network; band: standard error", fontsize=8
        )
    return figure


def _draw_plane(figure: Figure, ax: Axes, ewc: xr.Dataset, flexible: xr.Dataset) -> None:
    line = numbers.line_of(ewc)
    ax.fill_between([0, line], [line, 0], color="0.93", linewidth=0)
    ax.text(0.06 * line, 0.13 * line, "no single map\nis in here", color="0.45", fontsize=7)
    ax.plot([0, line], [line, 0], color=LINE, linewidth=1.0)
    for stream, marker, size, label in (("short", "x", 14, "EWC, short blocks"), ("long", "o", 16, "EWC, long blocks")):
        roots = ewc.loss.sel(stream=stream) ** 0.5
        found = ax.scatter(
            roots.sel(task="A"), roots.sel(task="B"), c=ewc.strength, marker=marker, s=size, label=label,
            norm=LogNorm(), cmap="viridis", linewidths=0.9, zorder=3,
        )  # fmt: skip
    figure.colorbar(found, ax=ax, label=r"strength $\mu$", shrink=0.8, pad=0.02)
    readings = (
        (flexible.behavioural, "s", 26, "none", "flexible, end of B"),
        (numbers.adapted(flexible), "s", 40, FLEXIBLE, "flexible, gates adapted"),
        (flexible.latent, "*", 14, "C3", "flexible, best gates"),
    )
    for losses, marker, size, face, label in readings:
        roots = losses**0.5
        edge = FLEXIBLE if face == "none" else face
        ax.scatter(
            roots.sel(task="A"), roots.sel(task="B"), marker=marker, s=size, facecolors=face, edgecolors=edge,
            label=label, linewidths=0.8, zorder=4, clip_on=False,
        )  # fmt: skip
    ax.set(xlabel=r"$\sqrt{L_A}$", ylabel=r"$\sqrt{L_B}$", xlim=(0, 1.1 * line), ylim=(0, 1.1 * line), aspect="equal")
    ax.legend(loc="upper right", fontsize=6)


def _draw_strengths(ax: Axes, ewc: xr.Dataset) -> None:
    line, fine = numbers.line_of(ewc), np.logspace(-2, 2, 200)
    for task, color, share in (("A", "C0", 1 / (1 + fine)), ("B", "C2", fine / (1 + fine))):
        ax.plot(fine, share, color=color, linewidth=1.0)
        roots = np.sqrt(ewc.loss.sel(stream="long", task=task)) / line
        ax.plot(ewc.strength, roots, "o", color=color, markersize=3, label=f"task {task}")
    ax.set(xlabel=r"strength $\mu$", xscale="log", ylabel=r"$\sqrt{L}$, share of the line", ylim=(0, 1.02))
    ax.legend(loc="center left")


def _draw_return(ax: Axes, ewc: xr.Dataset, flexible: xr.Dataset) -> None:
    """The loss on A from its return: gates alone, one path that learns again, and EWC that stays where it is."""
    times, line = flexible.time.values, numbers.line_of(ewc)
    band(ax, times, flexible.adapting.sel(task="A").values, FLEXIBLE, "flexible, gates alone")
    ax.plot(
        times, line**2 * np.exp(-2 * times / TAU_WEIGHTS), color=FORGETFUL, linestyle="--", label="one path, learning"
    )
    best = float(ewc.loss.sel(stream="long").mean("task").min())
    ax.axhline(best, color=LINE, linewidth=1.0, label=r"EWC, $\mu = 1$, as it is")
    ax.axvline(numbers.BUDGET, color="0.7", linewidth=0.8, linestyle=":")
    ax.set(xlabel="blocks since the return of A", ylabel="$L_A$", yscale="log", xlim=(0, 1))
    ax.legend(loc="center right", fontsize=7)
