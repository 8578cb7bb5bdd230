"""How the maps are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.runs import Data
from experiments.stability.border_maps.numbers import is_wrong, maps
from ntadyn.plotting.style import house_style

LOOKS = {
    "predicted: half of all runs specialise": {"color": "#CC79A7", "linewidth": 2.0},
    "root find of the same, row by row": {"color": "#CC79A7", "marker": "D", "markersize": 4, "linestyle": "none",
                                         "markeredgecolor": "black", "markeredgewidth": 0.5},
    "contact band closes": {"color": "#56B4E9", "linestyle": (0, (4, 2)), "linewidth": 1.6},
    "hinge holds all gates, to its right": {"color": "#009E73", "linestyle": (0, (1, 1.5)), "linewidth": 1.6},
    "half of all runs keep a negative gate": {"color": "#E69F00", "linewidth": 1.8, "linestyle": (0, (5, 1, 1, 1))},
    "cell where the prediction is wrong": {"color": "#D55E00", "marker": "x", "markersize": 3, "linestyle": "none"},
}  # fmt: skip
PREDICTED, ROOT, FOLD, HINGE, NEGATIVE, WRONG = LOOKS
LABELS = {"gate_time_constant": r"gate time constant $\tau_c/\tau_W$", "strength": r"penalty strength $\lambda$"}


def draw(data: Data) -> Figure:
    """The share of specialised runs in every cell, the lines of theory over it, and cells where they are wrong."""
    found = maps(data)
    rows = -(-len(found) // 2)
    with house_style():
        figure, axes = plt.subplots(rows, 2, figsize=(8.2, 3.4 * rows), layout="constrained", squeeze=False)
        mesh = None
        for ax, (title, dataset) in zip(axes.flat, found.items(), strict=False):
            mesh = _draw_map(ax, dataset)
            ax.set_title(f"{title}: {is_wrong(dataset).sum()} of {dataset.share.size} wrong")
        for ax in axes.flat[len(found) :]:
            ax.set_axis_off()
        assert mesh is not None
        figure.colorbar(mesh, ax=axes, label="share of specialised runs")
        handles = [Line2D([], [], label=name, **look) for name, look in LOOKS.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=7)
    return figure


def _draw_map(ax: Axes, dataset: xr.Dataset):
    names = dataset.predicted_share.dims
    y, x = (dataset[name].values for name in names)
    mesh = ax.pcolormesh(x, y, dataset.share.values, vmin=0, vmax=1, cmap="cividis", rasterized=True)
    limits = {"xlim": ax.get_xlim(), "ylim": ax.get_ylim()}
    for name, look in (("predicted_share", LOOKS[PREDICTED]), ("negative_probability", LOOKS[NEGATIVE])):
        share = dataset[name].values if name in dataset else np.zeros((1, 1))
        if np.nanmin(share) < 0.5 < np.nanmax(share):
            style = [look.get("linestyle", "-")]
            ax.contour(
                x, y, share, levels=[0.5], colors=[look["color"]], linewidths=look["linewidth"], linestyles=style
            )
    ax.plot(dataset.border, dataset.border_row, **LOOKS[ROOT])
    if "band_fold" in dataset:
        ax.plot(dataset.band_fold, y, **LOOKS[FOLD])
    if "hinge_strength" in dataset:
        ax.axvline(float(dataset.hinge_strength), **LOOKS[HINGE])
    row, column = np.nonzero(is_wrong(dataset))
    ax.plot(x[column], y[row], **LOOKS[WRONG])
    ax.set(xlabel=LABELS[str(names[1])], ylabel=r"block duration $\tau_B/\tau_W$", **limits)
    return mesh
