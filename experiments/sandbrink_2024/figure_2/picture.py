"""How figure 2 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.outcomes import on_batches
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_2.simulation import PUBLISHED_RECORD, THRESHOLD
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, house_style, shade_blocks
from ntadyn.plotting.trajectory import draw_gates
from ntadyn.results.quantities import label_of


def draw(data: Data) -> Figure:
    """Panels A to F as published; bands are one plain standard error of the mean."""
    flexible, forgetful = data["flexible"], data["forgetful"]
    with house_style():
        figure, axes = plt.subplots(3, 2, figsize=(7.4, 6.2), sharex=True)
        for ax, letter in zip(axes.flat, "ABCDEF", strict=True):
            shade_blocks(ax, flexible.attrs["edges"], flexible.attrs["block_tasks"])
            ax.set_title(letter, loc="left", fontweight="bold")
        _draw_loss(axes[0, 0], flexible, forgetful)
        draw_gates(axes[0, 1], flexible)
        axes[0, 1].legend(loc="center right", framealpha=0.8, frameon=True)
        _draw_alignment(axes[1, 0], flexible)
        _draw_weight_change(axes[1, 1], flexible, forgetful)
        _draw_gate_change(axes[2, 0], flexible)
        _draw_time_to_loss(axes[2, 1], flexible, forgetful)
        for ax in axes[-1]:
            ax.set_xlabel("time")
            ax.set_xticks(range(0, 21, 5))
        how = "batches of 200" if on_batches(flexible) else "population flow"
        figure.suptitle(
            f"{how}, mean of {flexible.sizes['seed']} repetitions, bands: standard error of the mean; "
            f"background: task in force",
            fontsize=8,
        )
    return figure


def _draw_loss(ax: Axes, flexible: xr.Dataset, forgetful: xr.Dataset) -> None:
    band(ax, flexible.time.values, forgetful.loss.values, FORGETFUL, "forgetful")
    band(ax, flexible.time.values, flexible.loss.values, FLEXIBLE, "flexible")
    ax.set(ylim=(0, 0.55), ylabel="loss")
    ax.legend(loc="upper left", ncols=2, borderaxespad=0.1)


def _draw_alignment(ax: Axes, flexible: xr.Dataset) -> None:
    for path in range(flexible.sizes["path"]):
        for teacher in range(flexible.sizes["teacher"]):
            matched = path == teacher
            label = f"{'own' if matched else 'other'} teacher" if path == 0 else None
            values = flexible.similarity.isel(teacher=teacher, path=path).values
            band(ax, flexible.time.values, values, f"C{path}", label)
            ax.lines[-1].set_linestyle("-" if matched else "--")
    ax.set(ylim=(-0.1, 1.05), ylabel=label_of("similarity"))
    ax.legend(loc="center right", labelcolor="black")


def _draw_weight_change(ax: Axes, flexible: xr.Dataset, forgetful: xr.Dataset) -> None:
    band(ax, flexible.time.values, forgetful.weight_change.values, FORGETFUL, "forgetful")
    band(ax, flexible.time.values, flexible.weight_change.values, FLEXIBLE, "flexible")
    ax.set(ylim=(0, 1.7), ylabel="relative weight change")
    ax.legend(loc="upper right", ncols=2, borderaxespad=0.1)


def _draw_gate_change(ax: Axes, flexible: xr.Dataset) -> None:
    band(ax, flexible.time.values, flexible.gate_change.values, FLEXIBLE)
    ax.set_ylim(bottom=0)
    ax.set_ylabel(f"gate change\nper {PUBLISHED_RECORD} time units (solid)")
    right = ax.twinx()
    band(right, flexible.time.values, flexible.weight_norm.values, "C4")
    right.lines[-1].set_linestyle("--")
    right.spines["right"].set_visible(True)
    right.set(ylim=(0, 1.02), ylabel=r"$\Vert W\Vert_F$ (dashed)")


def _draw_time_to_loss(ax: Axes, flexible: xr.Dataset, forgetful: xr.Dataset) -> None:
    edges = np.asarray(flexible.attrs["edges"])
    centres = 0.5 * (edges[1:] + edges[:-1])
    for dataset, color, name in ((forgetful, FORGETFUL, "forgetful"), (flexible, FLEXIBLE, "flexible")):
        band(ax, centres, dataset.published_time_to_loss.values, color, name)
        never = np.isinf(dataset.time_to_loss.values).mean(axis=0) > 0.5
        mean = dataset.published_time_to_loss.values.mean(axis=0)
        ax.plot(centres, mean, "o", color=color, markersize=3)
        label = "not reached by most" if name == "flexible" else None
        ax.plot(centres[never], mean[never], "o", color=color, markersize=4, markerfacecolor="white", label=label)
    if not on_batches(forgetful):
        seen = forgetful.time_to_loss_on_batches.values.mean(axis=0)
        ax.plot(
            centres,
            seen,
            ":",
            color=FORGETFUL,
            label="forgetful, as batches show it (compared)",
        )
    ax.set(ylim=(0, 1.1), ylabel=f"time to loss {THRESHOLD}  " + r"($\tau_W$)")
    ax.legend(loc="upper right", fontsize=7, borderaxespad=0.1)
