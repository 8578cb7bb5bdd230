"""The border between regimes, drawn over any map or slice, with the band that resampled repetitions leave it."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke

from ntadyn.maps.border import INTERVAL, Border, contour_lines
from ntadyn.plotting.cells import map_axes, plot_axes
from ntadyn.results.dataset_axes import DatasetAxis, dataset_axes

BORDER_LINE = "border: the mean crosses the level"
BORDER_BAND = "where the border may run"

# Points per axis between which the band is interpolated: it is often narrower than a cell.
FINE = 512


def draw_band(ax: Axes, dataset: xr.Dataset, border: Border, color: str = "white") -> ContourSet | None:
    """The region in which the interval of the average holds the level: where the border may run.

    Args:
        ax: a map of the sweep.
        dataset: the sweep, or its summary.
        border: its border, from `ntadyn.maps.border.border`.
        color: of the band.

    Returns:
        The band; None if there is none, one repetition leaves it unknown, or an axis is a list of names.

    Raises:
        ValueError: unless the sweep has two axes.
    """
    rows, columns = map_axes(dataset)
    if min(border.average.shape) < 2 or _unordered(rows, columns):
        return None
    x, y = (axis.unscaled(_between(axis.scaled)) for axis in (columns, rows))
    lower, upper = (_between(_between(ends, 0), 1) for ends in (border.lower, border.upper))
    inside = np.ma.masked_invalid(np.minimum(border.level - lower, upper - border.level))
    if inside.count() == 0 or inside.max() <= 0:
        return None
    return ax.contourf(x, y, inside, levels=[0.0, np.inf], colors=[color], alpha=0.4)


def draw_border(ax: Axes, dataset: xr.Dataset, border: Border, color: str = "white") -> list[Line2D]:
    """The border as a line with a thin outline.

    Args:
        ax: a map of the sweep.
        dataset: the sweep, or its summary.
        border: its border.
        color: of the line.

    Returns:
        The lines; none where the average does not cross the level, or an axis is a list of names.

    Raises:
        ValueError: unless the sweep has two axes.
    """
    rows, columns = map_axes(dataset)
    if _unordered(rows, columns):
        return []
    outline = [Stroke(linewidth=2.0, foreground="black" if color == "white" else "white"), Normal()]
    lines = []
    for line in contour_lines(columns.scaled, rows.scaled, border.average, border.level):
        x, y = columns.unscaled(line[:, 0]), rows.unscaled(line[:, 1])
        lines += ax.plot(x, y, color=color, linewidth=1.2, path_effects=outline)
    return lines


def border_handles(band: bool) -> list[Artist]:
    """What line and band mean, for a legend.

    Args:
        band: whether there is a band.
    """
    outline = [Stroke(linewidth=2.0, foreground="black"), Normal()]
    line = Line2D([], [], color="white", linewidth=1.2, path_effects=outline, label=BORDER_LINE)
    low, high = (f"{100 * end:.0f}" for end in INTERVAL)
    area = Patch(
        facecolor="white", edgecolor="0.4", linewidth=0.5, label=f"{BORDER_BAND}, {low} to {high} % of resamples"
    )
    return [line, area] if band else [line]


def draw_crossings(ax: Axes, dataset: xr.Dataset, border: Border) -> list[Line2D]:
    """The border of a sweep over one axis: a line at every crossing, a band for its interval.

    Args:
        ax: a picture with the axis of the sweep along x, its limits already set.
        dataset: the sweep, or its summary.
        border: its border.

    Returns:
        One line per crossing.
    """
    (axis,) = plot_axes(dataset)
    unit = _unit(axis.values, dataset_axes(dataset)[0].values)
    limits = ax.get_xlim()
    lines = []
    for crossing in border.crossings:
        if not np.isnan(crossing.low):
            low, high = (min(max(end * unit, min(limits)), max(limits)) for end in (crossing.low, crossing.high))
            ax.axvspan(low, high, color="0.6", alpha=0.3, linewidth=0)
        lines.append(ax.axvline(crossing.position * unit, color="black", linewidth=1.0))
    ax.set_xlim(limits)
    return lines


def _unordered(*axes: DatasetAxis) -> bool:
    return any(axis.names is not None for axis in axes)


def _unit(shown: np.ndarray, stored: np.ndarray) -> float:
    place = np.argmax(np.abs(stored))
    return float(shown[place] / stored[place]) if stored[place] else 1.0


def _between(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Linear between cells along one axis; cells themselves are kept, and a NaN reaches no further than one cell."""
    number = values.shape[axis]
    parts = max(2, -(-FINE // number))
    place = np.linspace(0, number - 1, (number - 1) * parts + 1)
    below = np.minimum(np.floor(place).astype(int), number - 2)
    share = np.expand_dims(place - below, 1 - axis) if values.ndim == 2 else place - below
    first, second = np.take(values, below, axis), np.take(values, below + 1, axis)
    return np.where(share == 0, first, first + share * (second - first))
