"""How figure A13 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a13 import numbers
from ntadyn.plotting.style import WIDTH, house_style

SPEED, SPECIALISATION = "black", "#8C8C8C"


def draw(data: Data) -> Figure:
    """Panel B as published, for both readings of its parameters, and the improved one."""
    old, new = data["published"], data["improved"]
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(1.75 * WIDTH, 3.0))
        for ax, name in zip(axes, ("published", "released"), strict=False):
            _draw_published(ax, old.sel(variant=name), with_image=name == "published")
        axes[0].set_title("as published")
        axes[1].set_title("control: released code")
        _draw_improved(axes[2], new)
        axes[2].set_title("improved")
        axes[0].set_title("B", loc="left", fontweight="bold")
        for ax in axes:
            ax.set(xlabel="overlap of teachers", xticks=numbers.OVERLAPS)
        seeds = old.sizes["repetition"], new.sizes["repetition"]
        figure.suptitle(
            f"black: speed, grey: specialisation; left and middle: batches, {seeds[0]} repetitions; right: population "
            f"flow, {seeds[1]}; bars: standard error;\nspeeds agree with another simulation, not with the published "
            "picture, whose are 1.6 to 2.1 times as large",
            fontsize=8,
        )
    return figure


def _draw_published(ax: Axes, scores: xr.Dataset, with_image: bool) -> None:
    """Speed and specialisation as the published code measures them, what lasts of it, and what the article shows."""
    right = _right_axis(ax)
    _errorbar(ax, scores.published_speed, SPEED, "-o", "measured as published")
    _errorbar(right, scores.published_specialisation, SPECIALISATION, "-o")
    _errorbar(right, scores.specialisation, SPECIALISATION, "--s", "what lasts of it")
    ax.set(ylabel=r"largest $|dL/dt|$", ylim=(0, 32))
    if with_image:
        style = {"linestyle": "", "marker": "o", "markerfacecolor": "white", "markersize": 4, "zorder": 5}
        ax.plot(numbers.OVERLAPS, numbers.IMAGE_SPEED, color=SPEED, label="published picture, one draw", **style)
        right.plot(numbers.OVERLAPS, numbers.IMAGE_SPECIALISATION, color=SPECIALISATION, **style)
    lines = [*ax.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    right.legend(handles=lines, loc="upper right", borderaxespad=0.0, fontsize=6.5)


def _draw_improved(ax: Axes, scores: xr.Dataset) -> None:
    for variant, style, label in (("exact", "-o", "exact overlap"), ("published_kind", "--s", "published teachers")):
        chosen = scores.sel(variant=variant)
        _errorbar(ax, 1 / chosen.fall_time, SPEED, style, label)
    ax.set(ylabel="1 / time to a tenth of the peak", ylim=(0, 16))
    right = _right_axis(ax)
    for variant, style in (("exact", "-o"), ("published_kind", "--s")):
        _errorbar(right, scores.sel(variant=variant).specialisation, SPECIALISATION, style)
    ax.legend(loc="upper right", fontsize=6.5, borderaxespad=0.0)


def _right_axis(ax: Axes) -> Axes:
    right = ax.twinx()
    right.spines["right"].set_visible(True)
    right.set(ylim=(-0.03, 1.25))
    right.set_ylabel("specialisation", color=SPECIALISATION)
    return right


def _errorbar(ax: Axes, scores: xr.DataArray, color: str, style: str, label: str | None = None) -> None:
    mean = scores.mean("repetition").values
    sem = scores.std("repetition", ddof=1).values / np.sqrt(scores.sizes["repetition"])
    ax.errorbar(
        numbers.OVERLAPS, mean, sem, fmt=style, color=color, markersize=3.5, linewidth=1.2, capsize=2, label=label
    )
