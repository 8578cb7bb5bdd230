"""How block lengths are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.degeneracy.e3_block_length.numbers import CUTOFF, GAP, of_kind
from experiments.degeneracy.e3_block_length.simulation import KINDS
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Rows: effective dimension, modularity of tasks; columns: kinds of teachers. All seeds, and all of the sweeps."""
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(7.6, 5.6), layout="constrained", sharex=True)
        for column, kind in enumerate(KINDS):
            found = of_kind(data, kind)
            _draw_seeds(axes[0, column], found.laplace, "cutoff", CUTOFF)
            _draw_seeds(axes[1, column], found.by_gap, "gap", GAP)
            axes[0, column].set_title(f"{kind} singular values")
            axes[1, column].set(xlabel="block length")
            axes[1, column].plot(found.length, found.neuron.mean("seed"), "k:", linewidth=1, label="neurons")
            axes[1, column].legend(title="gap; dots: every seed at 0.2", fontsize=6, title_fontsize=6)
        axes[0, 0].legend(title="cutoff; dots: every seed at 0.01", fontsize=6, title_fontsize=6)
        axes[0, 0].set_ylabel("effective dimension")
        axes[1, 0].set_ylabel("modularity of tasks")
    return figure


def _draw_seeds(ax: Axes, curves: xr.DataArray, over: str, main: float) -> None:
    for color, line, value in zip(("black", "C0", "C1", "C3"), ("--", "-", "-", "-"), curves[over].values, strict=True):
        mean = curves.sel({over: value}).mean("seed")
        ax.plot(
            curves.length,
            mean,
            line,
            color=color,
            zorder=3 if line == "--" else 2,
            linewidth=2 if value == main else 0.9,
            label=f"{value:g}",
        )
        if value == main:
            for place in range(curves.sizes["seed"]):
                shift = np.exp(0.02 * (place - 2))
                ax.plot(curves.length * shift, curves.sel({over: value}).isel(seed=place), "o", color=color,
                        markersize=3, alpha=0.8)  # fmt: skip
    ax.set_xscale("log")
    ax.set_xticks(curves.length.values, [f"{each:g}" for each in curves.length.values])
    ax.minorticks_off()
