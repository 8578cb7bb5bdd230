"""How the growth of paths is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.continual.den_grow import numbers
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style, line_looks

BORDER = {"color": "0.55", "linewidth": 0.9, "zorder": 0}


def draw(data: Data) -> Figure:
    """Counts over blocks; over the angle between two tasks; over noise, at the end and by block."""
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.1))
        for ax, letter in zip(axes, "ABC", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        _draw_sequence(axes[0], data["sequence"])
        _draw_angles(axes[1], data["angles"])
        _draw_noise(axes[2], data["noise"])
        figure.suptitle("growing linear networks: flows between jumps, or jumps alone (A, residual map; C)", fontsize=8)
    return figure


def _draw_sequence(ax: Axes, sequence: xr.Dataset) -> None:
    blocks = np.arange(1, sequence.sizes["block"] + 1)
    starts = sequence.start.values
    for start, look in zip(starts, line_looks(len(starts)), strict=True):
        mean = sequence.alive.sel(start=start).mean("seed").values
        ax.step(blocks, mean, where="mid", label=f"new paths start {_WORDS[start]}", **look)
    ax.set(ylim=(0, 4.4), yticks=range(5), ylabel="number of paths", xlabel="task of the block")
    ax.set_xticks(blocks, [str(task) for task in sequence.attrs["tasks"]], rotation=40, ha="right")
    ax.legend(loc="upper left")
    ax.set_title("nine blocks")


_WORDS = {"residual": "at the residual map", "random": "at random"}


def _draw_angles(ax: Axes, angles: xr.Dataset) -> None:
    share = 1 - angles.cosine.values**2
    order = np.argsort(share)
    expanded, kept = line_looks(2)
    ax.step(share[order], angles.kept.values[order], where="mid", label="after the block", **expanded)
    ax.step(share[order], angles.expanded.values[order], where="mid", label="during the block", **kept)
    ax.axvline(numbers.LOSS_THRESHOLD, linestyle="--", **BORDER)
    # tan(theta) at the threshold, as a share of the task.
    split = numbers.SPLIT_THRESHOLD**2 / (1 + numbers.SPLIT_THRESHOLD**2)
    ax.axvline(split, linestyle=":", **BORDER)
    for place, text in ((numbers.LOSS_THRESHOLD, "expands"), (split, "splits")):
        ax.annotate(f"{text} $\\rightarrow$", (place, 0.62), xytext=(3, 0), textcoords="offset points", fontsize=7)
    ax.set(xscale="log", xlim=(1e-4, 1), ylim=(0.5, 2.75), yticks=(1, 2), ylabel="number of paths")
    ax.set_xlabel(r"unexplained share $1-\rho^2$ of the second task")
    ax.legend(loc="upper left")
    ax.set_title("one task, then another")


def _draw_noise(ax: Axes, noise: xr.Dataset) -> None:
    strengths, last = noise.noise.values, noise.alive.isel(block=-1)
    every = last.transpose("noise", "seed")
    dots = np.repeat(strengths, every.sizes["seed"])
    ax.plot(dots, every.values.ravel(), ".", color="0.6", markersize=3, alpha=0.5, label="repetitions")
    ax.plot(strengths, last.mean("seed").values, color="C0", label="their mean")
    low, high = numbers.borders()
    edges = np.asarray([0, low, high, strengths[-1]])
    ax.stairs(numbers.LEVELS, edges, baseline=None, color="black", linewidth=1, linestyle="--", label="endless batches")
    ax.set(ylim=(0, 12.5), xlim=(0, strengths[-1]), ylabel="paths after nine blocks")
    ax.set_xlabel("standard deviation of noise / of targets")
    ax.legend(loc="upper left")
    ax.set_title(f"noisy batches of {noise.attrs['samples']}")
