"""A phase map as a picture."""

import json

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from ntadyn.plotting.style import WIDTH, house_style

BORDER = 0.9

TITLES = {"gate_speed": "Gate speed", "penalty": "Penalty strength"}


def draw_phase_map(ax: Axes, dataset: xr.Dataset) -> QuadMesh:
    """Mean total alignment over repetitions, with the border between regimes as a line.

    Both time axes are given in units of tau_W. Cells in which any repetition failed are crossed out; their mean is over
    the rest.

    Args:
        ax: where to draw.
        dataset: a map, as `run_phase_map` returns it.

    Returns:
        The coloured mesh, for a colour bar.
    """
    tau_w = json.loads(dataset.attrs["configuration"])["time_constants"]["weights"]
    row, column = dataset.alignment.dims[:2]
    y = dataset[row].values / tau_w
    x, label = dataset[column].values, dataset[column].attrs["long_name"]
    if column == "gate_time_constant":
        x, label = x / tau_w, r"gate time constant $\tau_c/\tau_W$"
    failed = dataset.result != 0
    mean = np.ma.masked_invalid(dataset.alignment.where(~failed).mean("seed").values)
    mesh = ax.pcolormesh(_edges(x), _edges(y), mean, vmin=0.5, vmax=1.0, rasterized=True)
    if min(mean.shape) > 1 and mean.min() < BORDER < mean.max():
        ax.contour(x, y, mean, levels=[BORDER], colors="white", linewidths=1.0)
    rows, columns = np.nonzero(failed.any("seed").values)
    ax.plot(x[columns], y[rows], "x", color="#D55E00", markersize=4)
    ax.set_xlabel(label)
    ax.set_ylabel(r"block duration $\tau_B/\tau_W$")
    ax.set_title(TITLES.get(dataset.attrs["name"], str(dataset.attrs["name"])))
    return mesh


def _edges(centres: np.ndarray) -> np.ndarray:
    """Borders of cells: half-way between their centres; a cell that stands alone gets a width of its own."""
    if len(centres) == 1:
        return centres[0] + np.asarray([-0.5, 0.5])
    inner = (centres[:-1] + centres[1:]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])


def phase_map_figure(datasets: list[xr.Dataset]) -> Figure:
    """Maps side by side with one colour bar.

    Args:
        datasets: maps, as `run_phase_map` returns them.

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
        figure.suptitle(f"mean of {seeds} repetition{'s' if seeds > 1 else ''}; white line: {BORDER}", fontsize=8)
    return figure
