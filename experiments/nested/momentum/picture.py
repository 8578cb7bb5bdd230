"""How momentum and its kin are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.nested.momentum.simulation import FOLLOWED
from ntadyn.plotting.style import house_style

COLORS = {
    "descent": "black", "momentum": "C0", "delta momentum": "C1", "delta, as printed": "C5", "momentum over size": "C2",
    "Muon": "C3", "Adam": "C4",
}  # fmt: skip


def draw(data: Data) -> Figure:
    """Above, what is reached at every retention; below, the phase diagram of retention against block length."""
    with house_style():
        figure = plt.figure(figsize=(11.4, 6.2), layout="constrained")
        upper, lower = np.ravel(np.asarray(figure.subfigures(2, 1)))
        axes = upper.subplots(1, 3)
        _draw_retentions(axes[0], data["valley"].steps, "steps until it stays below 1e-6")
        axes[0].set_title("a bent valley")
        _draw_retentions(axes[1], data["quadratics"].loss.sel(condition=1000.0), "loss at the end")
        axes[1].set_title("a quadratic, condition 1000")
        _draw_retentions(axes[2], data["subspaces"].loss.mean("seed"), "mean loss")
        axes[2].set_title("inputs from four subspaces in turn")
        axes[1].legend(loc="lower left", fontsize=6)
        _draw_phases(lower, data["switching"])
        seeds = data["switching"].sizes["seed"]
        figure.suptitle(
            f"in steps, exact gradients; best learning rates of a grid at every point; below: two orthogonal tasks in "
            f"turn, {seeds} repetitions",
            fontsize=8,
        )
    return figure


def _draw_retentions(ax: Axes, values: xr.DataArray, label: str) -> None:
    tuned = values.min("rate")
    places = np.arange(tuned.sizes["retention"])
    for rule, color in COLORS.items():
        ax.plot(places, np.maximum(tuned.sel(rule=rule), 1e-30), "o-", color=color, markersize=3, label=rule)
    ax.set(yscale="log", xlabel="retention", ylabel=label)
    ax.set_xticks(places, [f"{kept:g}" for kept in tuned.retention.values])


def _draw_phases(figure, switching: xr.Dataset) -> None:
    axes = figure.subplots(1, len(FOLLOWED), sharey=True)
    tuned = switching.loss.min("rate").mean("seed")
    memory = 1 / (1 - switching.retention.values)
    for ax, rule in zip(axes, FOLLOWED, strict=True):
        found = ax.pcolormesh(
            switching.length, memory, tuned.sel(rule=rule).transpose("retention", "length"), shading="nearest",
            vmin=0, vmax=2.5, rasterized=True,
        )  # fmt: skip
        ax.plot(switching.length, switching.length, color="white", linewidth=0.8, linestyle=":")
        ax.set(
            xscale="log", yscale="log", title=rule, xlabel="steps per block", ylim=(memory[0] * 0.85, memory[-1] * 1.2)
        )
    axes[0].set_ylabel("steps remembered, 1 / (1 - retention)")
    figure.colorbar(found, ax=axes, label="mean loss")
