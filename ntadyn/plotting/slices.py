"""Slices through a sweep: a score or the regimes along one axis, with every repetition in sight."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ntadyn.maps.averages import quantiles
from ntadyn.maps.regimes import REGIME_NAMES, Regime
from ntadyn.maps.repetitions import codes, successful_values
from ntadyn.plotting.cells import FAILED, FAILURE, cell_edges, label_axis, plot_axes
from ntadyn.plotting.style import line_looks
from ntadyn.plotting.summary_maps import REGIME_COLORS
from ntadyn.results.dataset_axes import axis_names
from ntadyn.results.quantities import label_of

BAND = (0.25, 0.5, 0.75)


def draw_slices(
    ax: Axes, dataset: xr.Dataset, along: str, places: Sequence[int] = (), score: str = "alignment"
) -> list[Line2D]:
    """Median over repetitions along one axis, with the band of the middle half, and all repetitions as dots.

    Args:
        ax: where to draw.
        dataset: a sweep over one or two axes.
        along: the axis to draw along.
        places: indices on the other axis, one line each; leave out in a sweep over one axis.
        score: which score.

    Returns:
        The lines of the medians.

    Raises:
        ValueError: if the sweep has no such axis or score, or more than two axes.
    """
    names = axis_names(dataset)
    if along not in names or len(names) > 2:
        raise ValueError(f"slices along {along!r} need a sweep over one or two axes, one of them it; got {names}.")
    axes = dict(zip(names, plot_axes(dataset), strict=True))
    values, crossed = (
        np.moveaxis(item, names.index(along), -2) for item in (successful_values(dataset, score), codes(dataset) > 0)
    )
    chosen = [("", values, crossed)] if len(names) == 1 else []
    for place in places if len(names) == 2 else ():
        (other,) = (axis for name, axis in axes.items() if name != along)
        chosen.append((other.text(place), values[place], crossed[place]))
    lines = [
        draw_repetitions(ax, axes[along].values, one, marks, label, look)
        for (label, one, marks), look in zip(chosen, line_looks(len(chosen)), strict=True)
    ]
    label_axis(ax, "x", axes[along])
    ax.set_ylabel(label_of(score, dataset[score].attrs))
    return lines


def draw_repetitions(
    ax: Axes, x: np.ndarray, values: np.ndarray, crossed: np.ndarray, label: str, look: Mapping[str, Any]
) -> Line2D:
    """Median with the band of the middle half, all repetitions as dots, and crosses.

    Args:
        ax: where to draw.
        x: positions, shape (cells,).
        values: shape (cells, seeds), NaN where there is none.
        crossed: which repetitions ask for a cross at the foot of the picture, shape (cells, seeds).
        label: legend text.
        look: colour, width and dashes of the line; all but the crosses have its colour.

    Returns:
        The line of the median.
    """
    low, middle, high = np.moveaxis(quantiles(values, BAND), -1, 0)
    ax.fill_between(x, low, high, color=look["color"], alpha=0.25, linewidth=0)
    dots = {"color": look["color"], "markersize": 2.5, "alpha": 0.4, "zorder": 1.5}
    ax.plot(np.repeat(x, values.shape[-1]), values.ravel(), ".", **dots)
    (line,) = ax.plot(x, middle, label=label, **look)
    # At the foot: a failed repetition has no value to be drawn at.
    marked = x[crossed.any(-1)]
    if len(marked):
        foot = ax.get_xaxis_transform()
        ax.plot(marked, np.full(len(marked), 0.02), "x", color=FAILURE, transform=foot, label=FAILED)
    return line


def slice_handles() -> list[Artist]:
    """What line, band and dots of `draw_repetitions` mean, for a legend."""
    return [
        Line2D([], [], color="0.3", label="median of the repetitions"),
        Patch(facecolor="0.3", alpha=0.3, label="middle half of the repetitions"),
        Line2D([], [], color="0.3", linestyle="none", marker=".", markersize=3, label="single repetitions"),
    ]


def draw_regime_shares(ax: Axes, summary: xr.Dataset) -> list[Patch]:
    """Shares of the regimes along the only axis of a sweep, stacked to one; failures on top, hatched.

    Args:
        ax: where to draw.
        summary: from `summarise`, with the contrast, over one axis.

    Returns:
        Handles for a legend.
    """
    (axis,) = plot_axes(summary)
    fractions = summary["regime_fraction"].values
    foot = np.zeros(len(axis.values))
    edges, handles = cell_edges(axis), []
    for regime in Regime:
        failed = regime is Regime.FAILED
        look: dict[str, Any] = {"hatch": "////", "edgecolor": FAILURE} if failed else {"edgecolor": "none"}
        color = "white" if failed else REGIME_COLORS[regime]
        height = fractions[:, regime]
        ax.bar(edges[:-1], height, np.diff(edges), foot, align="edge", color=color, linewidth=0, **look)
        if height.any() or not failed:
            handles.append(Patch(facecolor=color, label=REGIME_NAMES[regime], **look))
        foot = foot + height
    label_axis(ax, "x", axis)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0, 1), ylabel="share of repetitions")
    return handles
