"""A phase map as a picture."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from ntadyn.maps.border import BORDER
from ntadyn.plotting.maps import cross_out, draw_cells, map_axes, title_of
from ntadyn.plotting.style import WIDTH, house_style


def draw_phase_map(ax: Axes, dataset: xr.Dataset) -> QuadMesh:
    """Mean total alignment over repetitions, with the border between regimes as a line.

    Times are given in units of tau_W. Cells in which any repetition failed are crossed out; their mean is over
    the rest. Cells that were not run, but interpolated, have a dot.

    Args:
        ax: where to draw.
        dataset: a map, as `run_sweep` returns it.

    Returns:
        The coloured mesh, for a colour bar.
    """
    rows, columns = map_axes(dataset)
    failed, left_out = dataset.result > 0, dataset.result < 0
    mean = np.ma.masked_invalid(dataset.alignment.where(~failed).mean("seed").values)
    mesh = draw_cells(ax, dataset, mean, vmin=0.5, vmax=1.0)
    if min(mean.shape) > 1 and mean.min() < BORDER < mean.max():
        ax.contour(columns.values, rows.values, mean, levels=[BORDER], colors="white", linewidths=1.0)
    cross_out(ax, dataset, failed.any("seed").values)
    row, column = np.nonzero(left_out.any("seed").values)
    ax.plot(columns.values[column], rows.values[row], ".", color="white", markersize=2, alpha=0.6)
    ax.set_title(title_of(dataset))
    return mesh


def phase_map_figure(datasets: list[xr.Dataset]) -> Figure:
    """Maps side by side with one colour bar.

    Args:
        datasets: maps, as `run_sweep` returns them.

    Returns:
        The figure.
    """
    with house_style():
        figure, axes = plt.subplots(
            1, len(datasets), figsize=(0.6 + WIDTH * 0.55 * len(datasets), 2.9), squeeze=False, sharey=True
        )
        mesh = None
        for ax, dataset in zip(axes[0], datasets, strict=True):
            mesh = draw_phase_map(ax, dataset)
            ax.label_outer()
        assert mesh is not None
        bar = figure.colorbar(mesh, ax=list(axes[0]), extend="min", label="total alignment")
        bar.ax.axhline(BORDER, color="white", linewidth=1.0)
        seeds = datasets[0].sizes["seed"]
        dots = "; dots: interpolated" if any((dataset.result < 0).any() for dataset in datasets) else ""
        figure.suptitle(f"mean of {seeds} repetition{'s' if seeds > 1 else ''}; white line: {BORDER}{dots}", fontsize=8)
    return figure
