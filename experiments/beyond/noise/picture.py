"""How the noise of batches is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.beyond.noise.numbers import ALIGNED
from experiments.beyond.noise.simulation import MAP_STEP, flips
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

MARKERS = ("o", "s", "^", "D")


def draw(data: Data) -> Figure:
    """Above, maps over kappa; below, what noise costs and decides in single cells."""
    sweep, limit = data["map"], data["limit"]
    cells = {name: found for name, found in data.items() if name not in ("map", "limit")}
    with house_style():
        figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.6), layout="constrained")
        names = [f"{kappa:.2g}" for kappa in sweep.kappa.values[:-1]] + ["0"]
        _draw_map(figure, axes[0, 0], sweep.alignment.mean("seed"), names, "batches: alignment", (0.6, 1.0))
        _draw_map(figure, axes[0, 1], flips(sweep).mean("seed"), names, "batches: share of flips", (0.0, 0.5))
        names = [f"{kappa:g}" for kappa in limit.batch_noise.values]
        _draw_map(figure, axes[0, 2], limit.alignment.mean("seed"), names, "many inputs: alignment", (0.6, 1.0))
        _draw_cells(axes[1, 0], cells, lambda cell: cell.alignment, "alignment")
        _draw_cells(axes[1, 1], cells, lambda cell: (cell.alignment > ALIGNED).astype(float), "share specialised")
        _draw_cells(axes[1, 2], cells, flips, "share whose paths take other tasks")
        axes[1, 2].legend(fontsize=7, loc="upper left")
        figure.suptitle(
            rf"above: steps of {MAP_STEP:g}, {sweep.sizes['seed']} repetitions; flips are against batches of 100,000 "
            "in the same steps from the same start; bars: one standard error",
            fontsize=8,
        )
    return figure


def _draw_map(
    figure: Figure, ax: Axes, values: xr.DataArray, names: list[str], title: str, limits: tuple[float, float]
) -> None:
    rows = values.transpose("block_duration", ...)
    found = ax.pcolormesh(
        np.arange(rows.shape[1]),
        rows.block_duration,
        rows.values,
        shading="nearest",
        vmin=limits[0],
        vmax=limits[1],
        rasterized=True,
    )
    figure.colorbar(found, ax=ax, pad=0.02)
    ax.set_xticks(range(len(names)), names, rotation=45)
    ax.set(xlabel=r"noise $\kappa$", ylabel=r"block length / $\tau_W$", title=title)


def _draw_cells(ax: Axes, cells: dict[str, xr.Dataset], read, title: str) -> None:
    for index, (name, cell) in enumerate(cells.items()):
        values = read(cell).transpose("batch", "seed").values
        # Without noise kappa is next to nothing, and stands at the left edge.
        kappa = np.maximum(cell.kappa.values, 5e-5)
        error = values.std(1, ddof=1) / values.shape[1] ** 0.5
        ax.errorbar(kappa, values.mean(1), error, color=f"C{index}", marker=MARKERS[index], markersize=4, label=name)
    ax.set(xscale="log", xlabel=r"noise $\kappa$ (left edge: none)", title=title)
