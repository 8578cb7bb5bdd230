"""One picture of any labelled data set: its variables over time, along an axis, or as maps, as far as their shape goes.

Repetitions are averaged. What a variable is drawn over is the time of its records, or its longest dimension that has
numbers as its coordinate; every other dimension becomes lines, and two long ones with numbers become a map.
"""

import itertools
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntadyn.plotting.labels import label, settings_title
from ntadyn.plotting.style import WIDTH, band, house_style, legend_beside, line_looks, shade_blocks
from ntadyn.results.dataset_axes import DatasetAxis, dataset_axis
from ntadyn.results.quantities import label_of
from ntadyn.results.result_format import LARGEST_NUMBER, MOST_BLOCKS, MOST_CELLS, RECORD

SAMPLES = ("seed", "repetition")
MOST_PANELS = 8
MOST_LINES = 8
# Of a map, along each of its sides; with fewer, lines are easier to read.
FEWEST_CELLS = 9
MOST_POINTS = 20_000


@dataclass(frozen=True)
class Panel:
    """What is drawn of one variable.

    Attributes:
        name: of the variable.
        along: the axis to draw along.
        up: the second axis, of a map; None for lines.
        lines: the dimensions that become lines, or of which a map shows the first values.
        samples: the dimensions that are averaged.
    """

    name: str
    along: DatasetAxis
    up: DatasetAxis | None
    lines: tuple[str, ...]
    samples: tuple[str, ...]


def panels_of(dataset: xr.Dataset) -> list[Panel]:
    """Every variable that has a shape which can be drawn, in the order of the file.

    Args:
        dataset: any labelled data set.
    """
    axes = {name: axis for name in map(str, dataset.dims) if (axis := _numeric(dataset, name)) is not None}
    found = (_panel(dataset, str(name), axes) for name in dataset.data_vars)
    return [panel for panel in found if panel is not None]


def dataset_overview(dataset: xr.Dataset) -> Figure | None:
    """The first variables of a data set, a panel each.

    Args:
        dataset: any labelled data set, with names that can be drawn as they are.

    Returns:
        The figure, not yet written; None if nothing in it has a shape that can be drawn.
    """
    panels = panels_of(dataset)
    if not panels:
        return None
    shown = panels[:MOST_PANELS]
    columns = 1 if len(shown) < 4 else 2
    rows = -(-len(shown) // columns)
    with house_style():
        size = (columns * (WIDTH + 0.6), 0.8 + 1.9 * rows)
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
        for ax, panel in itertools.zip_longest(axes.flat, shown):
            if panel is None:
                ax.set_axis_off()
            elif panel.up is not None:
                _draw_map(ax, dataset, panel)
            else:
                _draw_lines(ax, dataset, panel)
        rest = f"first {len(shown)} of {len(panels)} variables that can be drawn" if len(panels) > len(shown) else ""
        samples = {name: dataset.sizes[name] for panel in shown for name in panel.samples}
        means = [f"mean over {name} ({size}), band: standard error" for name, size in samples.items() if size > 1]
        lines = (settings_title(dataset), "; ".join([*means, *([rest] if rest else [])]))
        figure.suptitle("\n".join(line for line in lines if line), fontsize=8)
    return figure


def _numeric(dataset: xr.Dataset, name: str) -> DatasetAxis | None:
    """An axis of ascending or descending numbers; records are at their times, which may repeat at a switch."""
    if dataset.sizes[name] < 2:
        return None
    if name == RECORD and "time" in dataset.coords and dataset["time"].dims == (RECORD,):
        time = dataset["time"]
        if time.dtype.kind in "iuf" and np.all(np.isfinite(time.values)) and np.all(np.diff(time.values) >= 0):
            unit = f" [{label(time.attrs['units'], 30)}]" if "units" in time.attrs else ""
            return DatasetAxis(RECORD, time.values.astype(float), f"time{unit}", ())
    if not any(item.dims == (name,) and item.dtype.kind in "iuf" for item in dataset.coords.values()):
        return DatasetAxis(name, np.arange(float(dataset.sizes[name])), name, ()) if name == RECORD else None
    axis = dataset_axis(dataset, name)
    return axis if axis.names is None and np.all(np.abs(axis.values) < LARGEST_NUMBER) else None


def _panel(dataset: xr.Dataset, name: str, axes: dict[str, DatasetAxis]) -> Panel | None:
    item = dataset[name]
    dims = [str(dim) for dim in item.dims]
    samples = tuple(dim for dim in dims if dim in SAMPLES)
    free = [dim for dim in dims if dim in axes and dim not in samples]
    if item.dtype.kind not in "biuf" or not free or name == "result":
        return None
    along = RECORD if RECORD in free else max(free, key=lambda dim: dataset.sizes[dim])
    up = max((dim for dim in free if dim != along), key=lambda dim: dataset.sizes[dim], default=None)
    if up is not None:
        sizes = (dataset.sizes[along], dataset.sizes[up])
        if along == RECORD or min(sizes) < FEWEST_CELLS or sizes[0] * sizes[1] > MOST_CELLS:
            up = None
    lines = tuple(dim for dim in dims if dim not in (along, up, *samples))
    return Panel(name, axes[along], None if up is None else axes[up], lines, samples)


def _values(dataset: xr.Dataset, panel: Panel, *last: str) -> np.ndarray:
    """Numbers that can be drawn, shape (lines..., samples, *last); samples are one axis."""
    item = dataset[panel.name].transpose(*panel.lines, *panel.samples, *last)
    values = item.values.astype(float)
    values = np.where(np.abs(values) < LARGEST_NUMBER, values, np.nan)
    sizes = [dataset.sizes[name] for name in (*panel.lines, *last)]
    return values.reshape(*sizes[: len(panel.lines)], -1, *sizes[len(panel.lines) :])


def _draw_lines(ax: Axes, dataset: xr.Dataset, panel: Panel) -> None:
    every = -(-len(panel.along.values) // MOST_POINTS)
    x, values = panel.along.values[::every], _values(dataset, panel, panel.along.name)[..., ::every]
    if panel.along.name == RECORD:
        _shade(ax, dataset)
        # What was recorded may be a part of all blocks.
        if x[0] < x[-1]:
            ax.set_xlim(x[0], x[-1])
    places = list(np.ndindex(values.shape[: len(panel.lines)]))
    shown = places[:MOST_LINES]
    for place, look in zip(shown, line_looks(len(shown)), strict=True):
        text = ", ".join(_place(dataset, name, index) for name, index in zip(panel.lines, place, strict=True))
        band(ax, x, values[place], label=text or None, **look)
    if panel.along.logarithmic:
        ax.set_xscale("log")
    ax.set_xlabel(panel.along.label)
    left = f" (first {len(shown)} of {len(places)} lines)" if len(places) > len(shown) else ""
    ax.set_title(f"{_title(dataset, panel.name)}{left}")
    if panel.lines:
        legend_beside(ax)


def _draw_map(ax: Axes, dataset: xr.Dataset, panel: Panel) -> None:
    assert panel.up is not None
    assert ax.figure is not None
    values = _values(dataset, panel, panel.up.name, panel.along.name)
    first = (0,) * len(panel.lines)
    shown = np.ma.masked_invalid(values[first])
    mesh = ax.pcolormesh(panel.along.values, panel.up.values, shown.mean(axis=0), shading="nearest", rasterized=True)
    ax.figure.colorbar(mesh, ax=ax)
    ax.set(xlabel=panel.along.label, ylabel=panel.up.label)
    for which, axis in (("x", panel.along), ("y", panel.up)):
        if axis.logarithmic:
            ax.set(**{f"{which}scale": "log"})
    held = ", ".join(_place(dataset, name, 0) for name in panel.lines)
    ax.set_title(f"{_title(dataset, panel.name)}{f' at {held}, the first of several' if held else ''}")


def _shade(ax: Axes, dataset: xr.Dataset) -> None:
    """The blocks, where the file says which task each has."""
    edges, tasks = (np.atleast_1d(dataset.attrs.get(name, [])) for name in ("edges", "block_tasks"))
    numbers = edges.dtype.kind in "iuf" and tasks.dtype.kind in "iu" and 0 < len(tasks) <= MOST_BLOCKS
    if numbers and len(edges) == len(tasks) + 1 and np.all(np.diff(edges) > 0) and np.all(tasks >= 0):
        shade_blocks(ax, edges, tasks)


def _place(dataset: xr.Dataset, name: str, index: int) -> str:
    if name not in dataset.coords or dataset[name].dims != (name,):
        return f"{name} {index + 1}"
    value = dataset[name].values[index]
    return f"{name} = {value:.4g}" if isinstance(value, float | np.floating) else f"{name} = {label(value, 20)}"


def _title(dataset: xr.Dataset, name: str) -> str:
    text, unit = label_of(name, dataset[name].attrs), str(dataset[name].attrs.get("units", "1"))
    meaning = f": {label(text, 50)}" if text != name.replace("_", " ") else ""
    return f"{name}{meaning}{f' [{label(unit, 20)}]' if unit != '1' else ''}"
