"""A view on paper: the map with its lines, and the trajectories of the cells that are shown."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from ntadyn.explorer.curves import Curves, Panel, PhasePlane, curves_of
from ntadyn.explorer.layers import Layer, Scale
from ntadyn.explorer.looks import CURVE, EXACT, NULLCLINES, PALETTES, REGIMES
from ntadyn.explorer.maps import Plane
from ntadyn.explorer.view import Chosen, View
from ntadyn.maps.border import BORDER, contour_lines
from ntadyn.maps.regimes import REGIME_NAMES
from ntadyn.plotting.cells import cell_edges
from ntadyn.plotting.labels import label, settings_title
from ntadyn.plotting.prediction import LOOKS
from ntadyn.plotting.style import WIDTH, house_style, shade_blocks
from ntadyn.results.dataset_axes import DatasetAxis, by_index, dataset_axis
from ntadyn.results.quantities import FOLD, HINGE, NEGATIVE, PREDICTED
from ntadyn.sweeps.cell_runs import CellRun

BORDER_TEXT = f"border: mean total alignment {BORDER:g}"


def axes_of(plane: Plane) -> tuple[DatasetAxis, DatasetAxis]:
    """Rows and columns of a map, in the units of their parameters."""
    rows, columns = plane.dataset["result"].dims[:2]
    return by_index(dataset_axis(plane.dataset, str(rows))), by_index(dataset_axis(plane.dataset, str(columns)))


def borders_of(plane: Plane, score: str) -> list[np.ndarray]:
    """Where the mean of an alignment crosses the level of the border, as points (column, row)."""
    rows, columns = axes_of(plane)
    if not score.endswith("alignment") or rows.names or columns.names:
        return []
    mean = plane.dataset[score].where(plane.dataset["result"] == 0).mean("seed").values
    return contour_lines(columns.values, rows.values, mean, BORDER)


def predicted_lines(plane: Plane) -> dict[str, list[np.ndarray]]:
    """Lines of theory over a map: name of `ntadyn.results.quantities` -> points (column, row) of every part."""
    dataset, (rows, columns) = plane.dataset, axes_of(plane)
    found: dict[str, list[np.ndarray]] = {}
    for name in (PREDICTED, NEGATIVE):
        if name in dataset and set(dataset[name].dims) == {rows.name, columns.name}:
            share = dataset[name].transpose(rows.name, columns.name).values
            found[name] = contour_lines(columns.values, rows.values, share, 0.5)
    if FOLD in dataset and dataset[FOLD].dims == (rows.name,):
        found[FOLD] = contour_lines(columns.values, rows.values, columns.values - dataset[FOLD].values[:, None], 0.0)
    if HINGE in dataset and columns.values.min() < float(dataset[HINGE]) < columns.values.max():
        found[HINGE] = [np.stack([np.full(2, float(dataset[HINGE])), rows.values[[0, -1]]], axis=1)]
    return {name: lines for name, lines in found.items() if lines}


def view_figure(plane: Plane, layer: Layer, runs: Sequence[CellRun], view: View) -> Figure:
    """The map, and a column of panels for every cell.

    Args:
        plane: the map.
        layer: what is coloured.
        runs: of the cell and of the pins of the view.
        view: which cells these are.

    Returns:
        The figure.
    """
    every = [curves_of(run) for run in runs]
    number = max((len(curves.panels) + (curves.plane is not None) for curves in every), default=0)
    with house_style():
        size = (WIDTH + 1.0 + 3.4 * len(runs), max(4.2, 1.9 * number))
        figure = Figure(figsize=size, layout="constrained")  # no window anywhere: threads may not have one
        left, *others = figure.subfigures(
            1, 1 + len(runs), width_ratios=[WIDTH + 1.0, *[3.4] * len(runs)], squeeze=False
        )[0]
        _draw_map(left.subplots(), plane, layer, view)
        chosen = [*([Chosen(view.cell, view.moved)] if view.cell is not None else []), *view.pins]
        for part, curves, one in zip(list(others), every, chosen, strict=True):
            axes = np.atleast_1d(part.subplots(number, 1))
            for ax in axes[len(curves.panels) + (curves.plane is not None) :]:
                ax.set_axis_off()
            for ax, panel in zip(axes, curves.panels, strict=False):
                _draw_panel(ax, curves, panel)
            if curves.plane is not None:
                _draw_plane(axes[len(curves.panels)], curves.plane)
            part.suptitle(
                "\n".join([f"cell {one.cell}", *(f"{path} = {value}" for path, value in one.moved)]), fontsize=8
            )
        title = settings_title(plane.dataset, 90)
        if title:
            figure.suptitle(title, fontsize=8)
    return figure


def _draw_map(ax: Axes, plane: Plane, layer: Layer, view: View) -> None:
    rows, columns = axes_of(plane)
    x, y = cell_edges(columns), cell_edges(rows)
    regimes = layer.scale is Scale.REGIMES
    if regimes:
        look = {"cmap": ListedColormap(list(REGIMES)), "norm": Normalize(-0.5, len(REGIMES) - 0.5)}
    else:
        norm = LogNorm if layer.scale is Scale.LOGARITHMIC else Normalize
        look = {"cmap": PALETTES["mean" if layer.name == "mean" else "other"], "norm": norm(layer.low, layer.high)}
    mesh = ax.pcolormesh(x, y, np.ma.masked_invalid(layer.values), rasterized=True, **look)
    if regimes:
        handles = [Patch(facecolor=color, label=name) for color, name in zip(REGIMES, REGIME_NAMES, strict=True)]
        ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=4, fontsize=7)
    else:
        assert ax.figure is not None
        ax.figure.colorbar(mesh, cax=ax.inset_axes((1.03, 0.0, 0.04, 1.0)), label=label(layer.label))
    for which, axis in (("x", columns), ("y", rows)):
        if axis.logarithmic:
            ax.set(**{f"{which}scale": "log"})
        if axis.names is not None:
            step = slice(None, None, -(-len(axis.names) // 20))
            ax.set(
                **{f"{which}ticks": axis.values[step], f"{which}ticklabels": [label(text) for text in axis.names[step]]}
            )
        ax.set(**{f"{which}label": label(axis.label)})
    score = view.score or "alignment"
    for k, line in enumerate(borders_of(plane, score) if score in plane.dataset else []):
        ax.plot(*line.T, color="white", linewidth=2.2)
        ax.plot(*line.T, color="black", linewidth=1.0, label=BORDER_TEXT if k == 0 else None)
    for name, lines in (predicted_lines(plane) if view.predicted else {}).items():
        text, look = LOOKS[name]
        for k, line in enumerate(lines):
            ax.plot(*line.T, color="black", linewidth=2.8)
            ax.plot(*line.T, label=text if k == 0 else None, linewidth=1.6, **look)
    if ax.get_legend_handles_labels()[1] and not regimes:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), fontsize=7)
    shown = [Chosen(view.cell)] if view.cell is not None else []
    for number, chosen in enumerate((*shown, *view.pins)):
        place = plane.place_of(chosen.cell)
        if place is not None:
            row, column = place
            box = Rectangle(
                (x[column], y[row]), x[column + 1] - x[column], y[row + 1] - y[row], facecolor="none",
                edgecolor="black" if number == 0 else "white", linewidth=1.6,
            )  # fmt: skip
            ax.add_patch(box)
    ax.set_title(label(layer.label), fontsize=9)
    ax.set_box_aspect(0.85)


def _draw_panel(ax: Axes, curves: Curves, panel: Panel) -> None:
    if curves.tasks.size:
        shade_blocks(ax, curves.edges, curves.tasks)
    for k, line in enumerate(panel.lines):
        look = {"color": CURVE[k % len(CURVE)], "linestyle": (0, (4, 2)) if line.dashed else "-"}
        for values in line.values:
            ax.plot(curves.time, values, linewidth=0.5, alpha=0.4, **look)
        if len(line.values):
            ax.plot(curves.time, line.values.mean(axis=0), linewidth=1.5, label=label(line.label), **look)
    ax.set_ylabel(label(panel.label))
    if len(panel.lines) > 1:
        ax.legend(fontsize=5.5, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_plane(ax: Axes, plane: PhasePlane) -> None:
    for lead, along in zip(plane.lead, plane.along, strict=True):
        ax.plot(lead, along, color=CURVE[0], linewidth=0.5, alpha=0.6)
    for name, (lead, along) in plane.nullclines.items():
        ax.plot(
            lead, along, color=NULLCLINES[name], linewidth=1.2, linestyle=(0, (4, 2)), label=f"task {name}: both rest"
        )
    ax.plot(*plane.exact, color=EXACT, linewidth=1.2, linestyle=(0, (1, 1.2)), label="exact curve, constant Q")
    ends = np.concatenate([plane.along.ravel(), *(line[[0, -1]] for _, line in plane.nullclines.values())])
    low, high = float(ends.min()), float(ends.max())
    margin = 0.06 * max(high - low, 1e-3)
    ax.set(xlabel=r"$c_1 - c_2$", ylabel=r"$D_e$", ylim=(low - margin, high + margin))
    ax.legend(fontsize=5.5, loc="center left", bbox_to_anchor=(1.0, 0.5))


def dataset_with(dataset: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """A map with what was predicted of it beside it."""
    names = [name for name in (PREDICTED, NEGATIVE, FOLD, HINGE) if name in other]
    return dataset.assign({name: (other[name].dims, other[name].values, other[name].attrs) for name in names})
