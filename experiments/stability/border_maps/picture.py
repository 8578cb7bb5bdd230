"""How the maps are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.runs import Data
from experiments.stability.border_maps.numbers import is_wrong, maps
from ntadyn.plotting.prediction import draw_lines
from ntadyn.plotting.style import house_style

# What is drawn besides the lines of theory.
LOOKS = {
    "root find of the first line, row by row": {"color": "#CC79A7", "marker": "D", "markersize": 4, "linestyle": "none",
                                                "markeredgecolor": "black", "markeredgewidth": 0.5},
    "cell where the prediction is wrong": {"color": "#D55E00", "marker": "x", "markersize": 3, "linestyle": "none"},
}  # fmt: skip
ROOT, WRONG = LOOKS
LABELS = {"gate_time_constant": r"gate time constant $\tau_c/\tau_W$", "strength": r"penalty strength $\lambda$"}


def draw(data: Data) -> Figure:
    """The share of specialised runs in every cell, the lines of theory over it, and cells where they are wrong."""
    found = maps(data)
    rows = -(-len(found) // 2)
    with house_style():
        figure, axes = plt.subplots(rows, 2, figsize=(8.2, 3.4 * rows), layout="constrained", squeeze=False)
        mesh, lines = None, {}
        for ax, (title, dataset) in zip(axes.flat, found.items(), strict=False):
            mesh, drawn = _draw_map(ax, dataset)
            lines |= {line.get_label(): line for line in drawn}
            ax.set_title(f"{title}: {is_wrong(dataset).sum()} of {dataset.share.size} wrong")
        for ax in axes.flat[len(found) :]:
            ax.set_axis_off()
        assert mesh is not None
        figure.colorbar(mesh, ax=axes, label="share of specialised runs")
        lines |= {name: Line2D([], [], label=name, **look) for name, look in LOOKS.items()}
        figure.legend(handles=list(lines.values()), loc="outside lower center", ncols=3, fontsize=7)
    return figure


def _draw_map(ax: Axes, dataset: xr.Dataset) -> tuple[QuadMesh, list[Line2D]]:
    names = dataset.predicted_share.dims
    y, x = (dataset[name].values for name in names)
    mesh = ax.pcolormesh(x, y, dataset.share.values, vmin=0, vmax=1, cmap="cividis", rasterized=True)
    drawn = draw_lines(ax, dataset, x, y)
    ax.plot(dataset.border, dataset.border_row, scalex=False, scaley=False, **LOOKS[ROOT])
    row, column = np.nonzero(is_wrong(dataset))
    ax.plot(x[column], y[row], scalex=False, scaley=False, **LOOKS[WRONG])
    ax.set(xlabel=LABELS[str(names[1])], ylabel=r"block duration $\tau_B/\tau_W$")
    return mesh, drawn
