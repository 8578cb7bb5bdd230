"""The phase diagram: its maps side by side."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from ntadyn.maps.border import BORDER
from ntadyn.plotting.cells import cross_out, draw_cells, map_axes, title_of
from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.prediction import draw_prediction
from ntadyn.plotting.style import WIDTH, house_style
from ntadyn.results.quantities import label_of

# Colours of alignments, of which that of a forgetful network is near one half.
ALIGNMENTS = (0.5, 1.0)
INTERPOLATED = "interpolated, not run"
# Characters that fit above one map.
MAP_WIDTH = 52


def draw_phase_map(
    ax: Axes,
    dataset: xr.Dataset,
    score: str = "alignment",
    level: float = BORDER,
    limits: tuple[float, float] = ALIGNMENTS,
) -> QuadMesh:
    """Mean of a score over repetitions, with a line where it crosses a level.

    Times are given in units of tau_W. Cells in which any repetition failed are crossed out; their mean is over
    the rest. Cells that were not run, but interpolated, have a dot.

    Args:
        ax: where to draw.
        dataset: a map, as `run_sweep` returns it.
        score: which score.
        level: where the line is drawn.
        limits: values at the ends of the colours.

    Returns:
        The coloured mesh, for a colour bar.
    """
    rows, columns = map_axes(dataset)
    failed, left_out = dataset.result > 0, dataset.result < 0
    mean = np.ma.masked_invalid(dataset[score].where(~failed).mean("seed").values)
    mesh = draw_cells(ax, dataset, mean, vmin=limits[0], vmax=limits[1])
    if min(mean.shape) > 1 and mean.min() < level < mean.max():
        ax.contour(columns.values, rows.values, mean, levels=[level], colors="white", linewidths=1.0)
    cross_out(ax, dataset, failed.any("seed").values)
    row, column = np.nonzero(left_out.any("seed").values)
    dots = {"color": "white", "markeredgecolor": "0.4", "markeredgewidth": 0.3, "markersize": 3}
    ax.plot(columns.values[column], rows.values[row], ".", label=INTERPOLATED, **dots)
    ax.set_title(title_of(dataset))
    return mesh


def phase_diagram_figure(datasets: list[xr.Dataset]) -> Figure:
    """Maps side by side with one colour bar.

    Args:
        datasets: maps, as `run_sweep` returns them.

    Returns:
        The figure.
    """
    with house_style():
        figure, axes = plt.subplots(
            1, len(datasets), figsize=(0.6 + WIDTH * 0.55 * len(datasets), 3.2), squeeze=False, sharey=True
        )
        mesh = None
        titles = [settings_title(dataset, MAP_WIDTH) for dataset in datasets]
        alike, predictions = len(set(titles)) == 1, {}
        for ax, dataset, title in zip(axes[0], datasets, titles, strict=True):
            mesh = draw_phase_map(ax, dataset)
            predictions |= {str(line.get_label()): line for line in draw_prediction(ax, dataset)}
            if title and not alike:
                ax.set_title(f"{title_of(dataset)}\n{title}", fontsize=7)
            ax.label_outer()
        assert mesh is not None
        bar = figure.colorbar(mesh, ax=list(axes[0]), extend="min", label=label_of("alignment"))
        bar.ax.axhline(BORDER, color="white", linewidth=1.0)
        seeds = datasets[0].sizes["seed"]
        number = f"mean of {seeds} repetition{'s' if seeds > 1 else ''}"
        lines = (settings_title(datasets[0]) if alike else "", number)
        figure.suptitle("\n".join(line for line in lines if line), fontsize=8)
        look = {
            "color": "white",
            "linewidth": 1.2,
            "path_effects": [Stroke(linewidth=2.0, foreground="black"), Normal()],
        }
        handles = [Line2D([], [], label=f"{label_of('alignment')} {BORDER}", **look)]
        marks = [line for ax in axes[0] for line in ax.lines if len(np.asarray(line.get_xdata()))]
        handles += {str(mark.get_label()): mark for mark in marks if str(mark.get_label())[0] != "_"}.values()
        handles += predictions.values()
        figure.legend(handles=handles, loc="outside lower center", ncols=2 if predictions else 3, fontsize=7)
    return figure
