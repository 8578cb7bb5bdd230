"""Maps of the summary of a sweep over two axes: average, spread of the repetitions, regimes, error, separatrix."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection, QuadMesh
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import Normal, Stroke

from ntadyn.maps.regimes import REGIME_NAMES, Regime
from ntadyn.plotting.cells import FAILURE, cell_edges, cross_out, draw_cells, map_axes

# Blue and orange stay apart for every kind of colour blindness, and both from a light grey.
REGIME_COLORS = {Regime.SPECIALISED: "#0072B2", Regime.MIXED: "#DDDDDD", Regime.FORGETFUL: "#E69F00"}

SEPARATRIX = "separatrix: a jittered start ended elsewhere"
UNCERTAIN = "uncertain: the interval of the mean contains the level"

# Errors below this are rounding.
SMALLEST_ERROR = 1e-8


def draw_average(ax: Axes, summary: xr.Dataset, score: str = "alignment") -> QuadMesh:
    """Mean of a score over the repetitions that ended well; cells with failures are crossed out.

    Args:
        ax: where to draw.
        summary: from `ntadyn.maps.summary.summarise`.
        score: which score; the alignment is coloured from 0.5 to 1.

    Returns:
        The coloured mesh, for a colour bar.
    """
    limits = {"vmin": 0.5, "vmax": 1.0} if score.endswith("alignment") else {}
    mesh = draw_cells(ax, summary, summary[f"{score}_mean"].values, **limits)
    cross_out(ax, summary, summary["failures"].values > 0)
    return mesh


def draw_spread(ax: Axes, summary: xr.Dataset, score: str = "alignment") -> QuadMesh:
    """Standard deviation of a score over the repetitions of a cell, from zero; failures are crossed out.

    Args:
        ax: where to draw.
        summary: from `summarise`.
        score: which score.

    Returns:
        The coloured mesh.
    """
    mesh = draw_cells(ax, summary, summary[f"{score}_sd"].values, vmin=0.0, cmap="magma")
    cross_out(ax, summary, summary["failures"].values > 0)
    return mesh


def draw_regimes(ax: Axes, summary: xr.Dataset) -> list[Patch]:
    """Every cell in the mixture of the colours of its repetitions' regimes; cells with failures are hatched.

    Args:
        ax: where to draw.
        summary: from `summarise`, with the contrast.

    Returns:
        Handles for a legend.
    """
    fractions = summary["regime_fraction"].values
    ran = fractions[..., list(REGIME_COLORS)]
    total = ran.sum(-1, keepdims=True)
    mixture = np.divide(ran, total, out=np.zeros_like(ran), where=total > 0)
    blended = np.where(total > 0, mixture @ np.asarray([to_rgb(color) for color in REGIME_COLORS.values()]), 1.0)
    draw_cells(ax, summary, np.clip(blended, 0, 1))
    failed = fractions[..., Regime.FAILED] > 0
    _hatch(ax, summary, failed)
    handles = [Patch(facecolor=color, label=REGIME_NAMES[regime]) for regime, color in REGIME_COLORS.items()]
    if failed.any():
        handles.append(Patch(facecolor="white", edgecolor=FAILURE, hatch="////", label="with failures"))
    return handles


def draw_error(ax: Axes, summary: xr.Dataset, name: str = "gate_error_max") -> QuadMesh:
    """An error estimate on a logarithmic scale; cells without one stay blank, those that are unresolved are hatched.

    Args:
        ax: where to draw.
        summary: from `summarise`, with error estimates.
        name: "gate_error_max", "gate_error_median", or those of another error.

    Returns:
        The coloured mesh.
    """
    values = np.maximum(summary[name].values, SMALLEST_ERROR)
    known = values[np.isfinite(values)]
    high = known.max() if known.size else 1.0
    low = min(known.min() if known.size else 1.0, 0.1 * high)
    mesh = draw_cells(ax, summary, values, norm=LogNorm(low, high), cmap="magma")
    _hatch(ax, summary, summary[f"{name.rpartition('_')[0]}_unresolved"].values > 0)
    cross_out(ax, summary, summary["failures"].values > 0)
    return mesh


def mark_separatrix(ax: Axes, summary: xr.Dataset) -> Line2D | None:
    """A ring on every cell in which a jittered start ended elsewhere.

    Args:
        ax: a map of the sweep.
        summary: from `summarise`.

    Returns:
        The rings, or None if no cell has any or no jittered starts were run.
    """
    if "separatrix" not in summary or not summary["separatrix"].values.any():
        return None
    rows, columns = map_axes(summary)
    row, column = np.nonzero(summary["separatrix"].values)
    (rings,) = ax.plot(
        columns.values[column],
        rows.values[row],
        "o",
        markerfacecolor="none",
        markeredgecolor="white",
        markeredgewidth=0.8,
        markersize=float(np.clip(90.0 / max(summary["separatrix"].shape), 1.0, 5.0)),
        path_effects=[Stroke(linewidth=1.8, foreground="black"), Normal()],
        label=SEPARATRIX,
    )
    return rings


def mark_uncertain(ax: Axes, summary: xr.Dataset) -> LineCollection | None:
    """An outline around the cells whose side of the border the repetitions do not decide.

    A mark on each of them would hide what is below where cells are small and many.

    Args:
        ax: a map of the sweep.
        summary: from `summarise`.

    Returns:
        The outline, or None if there is no such cell or the sweep lacks the score.
    """
    if "uncertain" not in summary or not summary["uncertain"].values.any():
        return None
    y, x = (cell_edges(axis) for axis in map_axes(summary))
    marked = np.pad(summary["uncertain"].values.astype(int), 1)
    across = np.argwhere(np.diff(marked, axis=0)[:, 1:-1])  # edges below and above cells: row of the edge, column
    along = np.argwhere(np.diff(marked, axis=1)[1:-1])
    lines = [((x[j], y[i]), (x[j + 1], y[i])) for i, j in across]
    lines += [((x[j], y[i]), (x[j], y[i + 1])) for i, j in along]
    look = {"color": "black", "linewidth": 0.8, "path_effects": [Stroke(linewidth=1.8, foreground="white"), Normal()]}
    outline = LineCollection(lines, label=UNCERTAIN, **look)
    ax.add_collection(outline, autolim=False)
    return outline


def _hatch(ax: Axes, summary: xr.Dataset, cells: np.ndarray) -> None:
    y, x = (cell_edges(axis).tolist() for axis in map_axes(summary))
    # One box for all marked cells that lie side by side: every box takes its time, and there may be very many cells.
    edges = np.diff(np.pad(cells.astype(int), ((0, 0), (1, 1))), axis=1)
    stretches = zip(np.argwhere(edges > 0).tolist(), np.argwhere(edges < 0)[:, 1].tolist(), strict=True)
    boxes = [Rectangle((x[j], y[i]), x[end] - x[j], y[i + 1] - y[i]) for (i, j), end in stretches]
    ax.add_collection(PatchCollection(boxes, facecolor="none", edgecolor=FAILURE, linewidth=0, hatch="////"))
