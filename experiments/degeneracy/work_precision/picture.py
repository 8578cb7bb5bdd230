"""How work and precision are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.degeneracy.work_precision.numbers import claimed_error, true_error
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

COLORS = {
    "MALA": "C2",
    "NUTS": "C4",
    "SGLD": "C0",
    "SGLD, whitened": "C1",
    "RMSProp-SGLD": "C3",
    "nested slices": "black",
}
# From this ratio of the true error to the claimed one on, an answer is drawn hollow.
SEVERAL = 2.0
TITLES = {
    "quadratic": "quadratic, condition 100",
    "crossing": "$w_1^2 w_2^2$",
    "three crossings": "three crossings",
    "reduced rank": "reduced rank regression",
    "gate table": "gated network, its table",
}


def draw(data: Data) -> Figure:
    """Above, true and claimed errors over cost; below, one over the other."""
    with house_style():
        figure = plt.figure(figsize=(2.6 * len(data) + 0.8, 4.8), layout="constrained")
        axes = figure.subplots(2, len(data), sharex=True, sharey="row", height_ratios=(1.6, 1), squeeze=False)
        for column, (name, dataset) in enumerate(data.items()):
            _draw_errors(axes[0, column], dataset)
            _draw_ratios(axes[1, column], dataset)
            value, size = dataset.attrs["value"], dataset.attrs["dimension"]
            axes[0, column].set_title(f"{TITLES[name]}\nd = {size}, value {value:.4g}", fontsize=8)
            axes[1, column].set_xlabel("gradients")
        axes[0, 0].set_ylabel("error / value")
        axes[1, 0].set_ylabel("true / claimed error")
        axes[0, 0].legend(fontsize=6, loc="lower left")
        figure.suptitle(
            f"solid: true error, root mean square over {next(iter(data.values())).sizes['seed']} seeds;\ndotted: what "
            f"estimates claim; hollow: more than {SEVERAL:g} times as wrong as claimed",
            fontsize=8,
        )
    return figure


def _draw_errors(ax: Axes, dataset: xr.Dataset) -> None:
    value = dataset.attrs["value"]
    true, claimed = (_shown(found) / value for found in (true_error(dataset), claimed_error(dataset)))
    for way in dataset.way.values:
        color = COLORS[way]
        ax.plot(dataset.budget, true.sel(way=way), color=color, label=way)
        ax.plot(dataset.budget, claimed.sel(way=way), color=color, linestyle=":", linewidth=1)
        for budget in dataset.budget.values:
            here, said = (float(found.sel(way=way, budget=budget)) for found in (true, claimed))
            face = "white" if here > SEVERAL * said else color
            ax.plot(budget, here, "o", color=color, markerfacecolor=face, markersize=4.5, zorder=5)
    if dataset.attrs["error"]:
        ax.axhline(dataset.attrs["error"] / value, color="0.6", linewidth=0.8)
        ax.text(dataset.budget.values[0], dataset.attrs["error"] / value, "error of the reference", fontsize=6,
                color="0.4", va="bottom")  # fmt: skip
    ax.set(xscale="log", yscale="log")
    ax.set_ylim(1e-4, 3)


def _draw_ratios(ax: Axes, dataset: xr.Dataset) -> None:
    ratio = _shown(true_error(dataset)) / claimed_error(dataset)
    for way in dataset.way.values:
        ax.plot(dataset.budget, ratio.sel(way=way), "o-", color=COLORS[way], markersize=3)
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set(xscale="log", yscale="log")
    ax.set_ylim(0.2, 150)


def _shown(errors: xr.DataArray) -> xr.DataArray:
    return errors.where(np.isfinite(errors))
