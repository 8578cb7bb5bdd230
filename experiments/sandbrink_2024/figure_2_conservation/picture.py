"""How the supplement on conservation to figure 2 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.harness.outcomes import on_batches
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_2_conservation import numbers
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, house_style, shade_blocks
from ntadyn.plotting.trajectory import draw_gates

SHUT = "C5"
CLOSE_UP = (4, 9)  # blocks shown in panel B


def draw(data: Data) -> Figure:
    """Q over time with the stretches of a shut gate; one seed from close by; growth inside and outside; by block."""
    flexible, forgetful = data["flexible"], data["forgetful"]
    seed = numbers.median_seed(flexible)
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(7.6, 5.2))
        for ax, letter in zip(axes.flat, "ABCD", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        _draw_invariant(axes[0, 0], flexible, forgetful, seed)
        _draw_close_up(axes[0, 1], flexible.isel(seed=[seed]))
        _draw_growth(axes[1, 0], flexible)
        _draw_blocks(axes[1, 1], flexible)
        how = "batches of 200" if on_batches(flexible) else "population flow"
        figure.suptitle(
            f"{how}, {flexible.sizes['seed']} repetitions; thick in A and B: one seed, orange where a gate of it is at "
            f"or below zero; bands: standard error",
            fontsize=8,
        )
    return figure


def _draw_invariant(ax: Axes, flexible: xr.Dataset, forgetful: xr.Dataset, seed: int) -> None:
    shade_blocks(ax, flexible.attrs["edges"], flexible.attrs["block_tasks"])
    times = flexible.time.values
    for values in flexible.invariant.values:
        ax.plot(times, values, color="0.55", linewidth=0.5)
    ax.plot(times, forgetful.invariant.values.mean(axis=0), color=FORGETFUL, linestyle="--", linewidth=1.8)
    _draw_stretches(ax, times, flexible.invariant.values[seed], flexible.shut.values[seed])
    handles = [
        Line2D([], [], color=FLEXIBLE, linewidth=2, label="flexible, both gates open"),
        Line2D([], [], color=SHUT, linewidth=2, label="flexible, a gate shut"),
        Line2D([], [], color=FORGETFUL, linestyle="--", linewidth=1.8, label="forgetful"),
    ]
    ax.legend(handles=handles, loc="upper left", borderaxespad=0.1)
    ax.set_title(r"$Q=\tau_W\Vert W^1-W^2\Vert^2-\tau_c(c_1-c_2)^2$")
    ax.set(xlabel="time", ylabel="Q", ylim=(-0.05, 1.6), xticks=range(0, len(flexible.attrs["edges"]), 5))


def _draw_stretches(ax: Axes, times: np.ndarray, values: np.ndarray, shut: np.ndarray) -> None:
    """A curve, black where both gates are open and coloured where one is shut; `shut` is about the step to a record."""
    ax.plot(times, values, color=FLEXIBLE, linewidth=2)
    inside = np.where(shut | np.append(shut[1:], False), values, np.nan)
    ax.plot(times, inside, color=SHUT, linewidth=2)


def _draw_close_up(ax: Axes, one: xr.Dataset) -> None:
    """Gates of one seed in some blocks, with the stretches marked, and its Q on an axis of its own."""
    edges = np.asarray(one.attrs["edges"])
    first, last = edges[np.minimum(CLOSE_UP, (len(edges) - 2, len(edges) - 1))]
    times, shut = one.time.values, one.shut.values[0]
    draw_gates(ax, one)
    ax.fill_between(
        times, 0, 1, where=shut, step="pre", transform=ax.get_xaxis_transform(), color=SHUT, alpha=0.2, linewidth=0
    )
    right = ax.twinx()
    _draw_stretches(right, times, one.invariant.values[0], shut)
    right.spines["right"].set_visible(True)
    right.set(ylabel="Q (thick)", ylim=(-0.05, 1.35))
    handles = [*ax.get_legend_handles_labels()[0], Patch(color=SHUT, alpha=0.2, label="a gate is shut")]
    ax.legend(handles=handles, loc="upper center", ncols=3, columnspacing=1.0, borderaxespad=0.1)
    ax.set(xlabel="time", xlim=(first, last), ylim=(-0.08, 1.5))


def _draw_growth(ax: Axes, flexible: xr.Dataset) -> None:
    shade_blocks(ax, flexible.attrs["edges"], flexible.attrs["block_tasks"])
    band(ax, flexible.time.values, flexible.growth_inside.values, SHUT, "while a gate is shut")
    band(ax, flexible.time.values, flexible.growth_outside.values, FLEXIBLE, "while both are open")
    ax.set(xlabel="time", ylabel="growth of Q", ylim=(-0.05, 1.6), xticks=range(0, len(flexible.attrs["edges"]), 5))
    ax.legend(loc="upper left", borderaxespad=0.1)


def _draw_blocks(ax: Axes, flexible: xr.Dataset) -> None:
    """By block: share of the time with a shut gate, and share of the final growth."""
    time_share, growth_share = numbers.by_block(flexible)
    blocks = np.arange(1, time_share.shape[1] + 1)
    band(ax, blocks, time_share, "C0", "share of the block with a gate shut")
    band(ax, blocks, growth_share, SHUT, "share of all growth of Q")
    ax.set(xlabel="block", ylim=(0, 1.1), xticks=range(5, len(blocks) + 1, 5) if len(blocks) > 4 else blocks)
    ax.legend(loc="upper left")
