"""What all pictures of a sweep share: its axes in natural units, cells in place, failures crossed out."""

import dataclasses

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

from ntadyn.results.dataset_axes import DatasetAxis, by_index, dataset_axes, varied_parameters
from ntadyn.results.result_format import weight_time_constant

FAILURE = "#D55E00"
FAILED = "some repetitions failed"
# Names along an axis at most; of more, every second, third, ... is written.
MOST_NAMES = 40
TITLES = {"gate_speed": "Gate speed", "penalty": "Penalty strength"}

# These times are shown in units of tau_W, unless tau_W itself varies.
_IN_UNITS_OF_TAU_W = {
    "curriculum.block_duration": r"block duration $\tau_B/\tau_W$",
    "time_constants.gates": r"gate time constant $\tau_c/\tau_W$",
}
_TAU_W = "time_constants.weights"


def plot_axes(dataset: xr.Dataset) -> tuple[DatasetAxis, ...]:
    """All axes of a sweep, times in units of tau_W.

    Args:
        dataset: a sweep, or what `summarise` made of one.

    Returns:
        One entry per axis.

    Raises:
        ValueError: if the dataset is neither.
    """
    axes = dataset_axes(dataset)
    unit = weight_time_constant(dataset) if _TAU_W not in varied_parameters(dataset) else None
    return tuple(by_index(_plot_axis(axis, unit)) for axis in axes)


def map_axes(dataset: xr.Dataset) -> tuple[DatasetAxis, DatasetAxis]:
    """The axes of a map: that of the rows, drawn upwards, and that of the columns.

    Raises:
        ValueError: unless the sweep has two axes.
    """
    axes = plot_axes(dataset)
    if len(axes) != 2:
        raise ValueError(
            f"a map needs a sweep over two axes; this one has {[axis.name for axis in dataset_axes(dataset)]}. Hold "
            f"the others at one value with `ntadyn.results.slicing.slice_of`, or draw slices."
        )
    return axes[0], axes[1]


def cell_edges(axis: DatasetAxis) -> np.ndarray:
    """Borders of cells: half-way between their centres; a cell that stands alone gets a width of its own.

    The first of cells that are all positive begins no lower than zero: a time constant has no negative values.
    """
    edges = axis.unscaled(_half_way(axis.scaled))
    return np.maximum(edges, 0.0) if _is_positive(axis) else edges


def draw_cells(ax: Axes, dataset: xr.Dataset, values: np.ndarray, **options) -> QuadMesh:
    """One colour per cell; cells that are NaN stay blank.

    Args:
        ax: where to draw.
        dataset: the sweep or summary that says where the cells are.
        values: one number or one RGB colour per cell, shape (rows, columns) or (rows, columns, 3).
        options: passed to `pcolormesh`.

    Returns:
        The mesh, for a colour bar.
    """
    rows, columns = map_axes(dataset)
    shown = np.ma.masked_invalid(values) if values.ndim == 2 else values
    mesh = ax.pcolormesh(cell_edges(columns), cell_edges(rows), shown, rasterized=True, **options)
    label_axis(ax, "x", columns)
    label_axis(ax, "y", rows)
    return mesh


def label_axis(ax: Axes, which: str, axis: DatasetAxis) -> None:
    """Label, scale and ticks of the x or y axis."""
    if axis.logarithmic:
        ax.set(**{f"{which}scale": "log"})
    if axis.names is not None:
        shown = slice(None, None, -(-len(axis.names) // MOST_NAMES))
        ax.set(**{f"{which}ticks": axis.values[shown], f"{which}ticklabels": axis.names[shown]})
    ax.set(**{f"{which}label": axis.label})
    # A margin beside the first value, which no parameter that is always positive can take.
    low, high = getattr(ax, f"get_{which}lim")()
    if _is_positive(axis) and min(low, high) < 0:
        ax.set(**{f"{which}lim": (max(low, 0.0), max(high, 0.0))})


def _is_positive(axis: DatasetAxis) -> bool:
    return axis.names is None and bool(np.all(axis.values > 0))


def cross_out(ax: Axes, dataset: xr.Dataset, cells: np.ndarray) -> None:
    """A cross on every marked cell, for cells in which repetitions failed.

    Args:
        ax: where to draw.
        dataset: the sweep or summary that says where the cells are.
        cells: which cells, shape (rows, columns).
    """
    rows, columns = map_axes(dataset)
    row, column = np.nonzero(cells)
    ax.plot(columns.values[column], rows.values[row], "x", color=FAILURE, markersize=4, label=FAILED)


def title_of(dataset: xr.Dataset) -> str:
    """The title of a map with a known name, else its name."""
    name = str(dataset.attrs.get("name", "sweep"))
    return TITLES.get(name, name)


def _plot_axis(axis: DatasetAxis, unit: float | None) -> DatasetAxis:
    parameter = axis.parameters[0] if axis.parameters else None
    if unit is None or parameter not in _IN_UNITS_OF_TAU_W or axis.names is not None:
        return axis
    label = _IN_UNITS_OF_TAU_W[parameter]
    if len(axis.parameters) > 1:
        label = f"{label}, zipped with {', '.join(axis.parameters[1:])}"
    return dataclasses.replace(axis, values=axis.values / unit, label=label)


def _half_way(centres: np.ndarray) -> np.ndarray:
    if len(centres) == 1:
        return centres[0] + np.asarray([-0.5, 0.5]) * (centres[0] if centres[0] > 0 else 1.0)
    inner = (centres[:-1] + centres[1:]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])
