"""How figure A7 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a7.simulation import CONVENTIONS, MAPS, NOMINAL_STRENGTH, NOMINAL_TAU_2
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Both maps as published, those of the released numbers below them."""
    titles = {
        "published": "as published, translated; true ratios",
        "released": "the same numbers, read by the released code; labels as published",
    }
    conventions = [name for name in titles if f"penalty_{name}" in data]
    with house_style():
        figure, axes = plt.subplots(len(conventions), 2, figsize=(7.2, 0.5 + 2.7 * len(conventions)), squeeze=False)
        mesh = None
        for pair, name in zip(axes, conventions, strict=True):
            scale = CONVENTIONS[name]().time_constants
            for ax, kind in zip(pair, MAPS, strict=True):
                mesh = _draw_map(ax, data[f"{kind}_{name}"], scale.weights)
            left, right = (data[f"{kind}_{name}"] for kind in MAPS)
            nominal = left.layer_time_constant.values * scale.gates / NOMINAL_TAU_2
            pair[0].set_xticks(range(len(nominal)), [f"{value:.3g}" for value in scale.weights / nominal])
            pair[0].set_xlabel(r"$\tau_1/\tau_2$")
            strength = right.strength.values * CONVENTIONS[name]().penalties.strength / NOMINAL_STRENGTH
            pair[1].set_xticks(range(len(strength)), [f"{value:.3g}" for value in strength])
            pair[1].set_xlabel(r"penalty strength $\lambda$")
            pair[0].set_title(titles[name], loc="left")
        assert mesh is not None
        figure.colorbar(mesh, ax=axes, extend="min", label="total alignment", aspect=40, pad=0.02)
        seeds = data[f"penalty_{conventions[0]}"].sizes["seed"]
        figure.suptitle(
            f"batches of 200, mean of {seeds} repetitions at t = 20; published matching of units", fontsize=8
        )
    return figure


def _draw_map(ax: Axes, dataset: xr.Dataset, tau_1: float):
    """Long blocks on top; a cross where repetitions diverged."""
    values = dataset.alignment.mean("seed").values
    mesh = ax.imshow(values, vmin=0.7, vmax=1.0, cmap="Oranges", aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        failed = bool((dataset.result.isel(row=row, column=column) != 0).any())
        color = "black" if not value > 0.87 else "white"
        ax.text(column, row, "x" if failed else f"{value:.2f}", ha="center", va="center", color=color, fontsize=7)
    ax.set_yticks(range(len(values)), [f"{value / tau_1:.3g}" for value in dataset.block_duration.values])
    ax.set_ylabel(r"$\tau_B/\tau_1$")
    return mesh
