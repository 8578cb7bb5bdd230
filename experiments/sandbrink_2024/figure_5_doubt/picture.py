"""How the supplement on doubt to figure 5 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_5_doubt import numbers
from ntadyn.maps.border import INTERVAL, border
from ntadyn.maps.summary import summarise
from ntadyn.plotting.border import draw_band, draw_border
from ntadyn.plotting.cells import title_of
from ntadyn.plotting.style import house_style
from ntadyn.plotting.summary_maps import draw_average, draw_error, draw_spread, mark_separatrix

MAPS = ("gate_speed", "penalty")


def draw(data: Data) -> Figure:
    """One row per map: mean with its border, spread, error of the step, distance of the stored cells."""
    with house_style():
        figure, axes = plt.subplots(2, 4, figsize=(12.5, 5.6))
        for row, name in zip(axes, MAPS, strict=True):
            _draw_map(row[:3], data[name])
            _draw_distance(row[3], data[f"{name}_stored"], name)
        seeds = data[MAPS[0]].sizes["seed"]
        low, high = (f"{100 * end:.0f}" for end in INTERVAL)
        figure.suptitle(
            f"population flow, published parameters, {seeds} repetitions per cell; white: alignment 0.9, band: "
            f"{low} to {high} % of resamples; dots: cells of the article; rings: jittered starts end elsewhere",
            fontsize=8,
        )
    return figure


def _draw_map(axes: np.ndarray, dataset: xr.Dataset) -> None:
    summary, edge = summarise(dataset), border(dataset)
    mean, spread, error = axes
    _bar(mean, draw_average(mean, summary), "mean total alignment", extend="min")
    draw_band(mean, summary, edge)
    _bar(spread, draw_spread(spread, summary), "standard deviation")
    _bar(error, draw_error(error, summary, "alignment_error_max"), "largest change, steps halved")
    for ax in axes:
        draw_border(ax, summary, edge)
    for ax in (mean, error):
        mark_separatrix(ax, summary)
    _mark_stored_cells(spread, dataset)
    mean.set_title(f"{title_of(dataset)}: mean")
    spread.set_title("spread of the repetitions")
    error.set_title("error of the time step")


def _mark_stored_cells(ax: Axes, dataset: xr.Dataset) -> None:
    unit = numbers.weights_time_constant(dataset)
    rows, columns = numbers.stored_axes(dataset)
    x, y = np.meshgrid(columns, rows)
    ax.plot(x.ravel() / (unit if "gate_time_constant" in dataset.dims else 1), y.ravel() / unit, "w.", markersize=3)


def _draw_distance(ax: Axes, dataset: xr.Dataset, name: str) -> None:
    """Stored minus ours, cell by cell; framed where repetitions do not explain it."""
    distance, allowed = numbers.distances(dataset, name)
    mesh = ax.imshow(distance, origin="lower", vmin=-0.3, vmax=0.3, cmap="RdBu_r", aspect="auto")
    for (row, column), value in np.ndenumerate(distance):
        color = "white" if abs(value) > 0.2 else "black"
        ax.text(column, row, f"{value:+.2f}", ha="center", va="center", fontsize=7, color=color)
        if abs(value) > allowed[row, column]:
            ax.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, linewidth=1.6))
    rows, columns = numbers.stored_axes(dataset)
    ax.set_xticks(range(5), [f"{value:g}" for value in columns])
    ax.set_yticks(range(5), [f"{value:g}" for value in rows])
    label = r"gate time constant $\tau_c/\tau_W$" if name == "gate_speed" else "penalty strength λ"
    ax.set(xlabel=label, ylabel=r"block duration $\tau_B/\tau_W$")
    ax.set_title("stored minus ours; frame: more than chance")
    assert ax.figure is not None
    ax.figure.colorbar(mesh, ax=ax, label="difference of means", extend="both")


def _bar(ax: Axes, mesh: QuadMesh, label: str, extend: str = "neither") -> None:
    assert ax.figure is not None
    ax.figure.colorbar(mesh, ax=ax, label=label, extend=extend)
