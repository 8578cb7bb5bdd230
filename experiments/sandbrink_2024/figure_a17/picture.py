"""How figure A17 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a17 import numbers
from experiments.sandbrink_2024.figure_a17.simulation import HIGH, LOW
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """One map per penalty."""
    dataset = data["penalties"]
    titles = {
        "L1": r"$\frac{1}{2}(\Vert c\Vert_1-1)^2$ + slope",
        "L2": r"$\frac{1}{2}(\Vert c\Vert_2-1)^2$ + slope",
        "both": "both norms + slope (ours)",
    }
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(9.2, 3.3), sharey=True)
        for ax, (name, title), letter in zip(axes, titles.items(), "ABC", strict=True):
            mesh = _draw(ax, dataset.sel(penalty=name))
            ax.set_title(title, loc="center")
            ax.set_title(letter, loc="left", fontweight="bold")
        axes[0].set_ylabel("gate $c_2$")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        figure.colorbar(mesh, ax=axes, label="penalty / coefficient of the norm", extend="max", shrink=0.8)
    return figure


def _draw(ax: Axes, dataset: xr.Dataset):
    axis, energy = dataset.c1.values, dataset.energy.values
    mesh = ax.pcolormesh(axis, axis, energy, norm=PowerNorm(0.5, 0, 1.0), cmap="Blues", rasterized=True)
    ax.contour(axis, axis, energy, levels=[0.01, 0.05, 0.15, 0.3, 0.6, 1.0], colors="0.45", linewidths=0.5)
    down = dataset.downhill.values
    length = np.maximum(np.linalg.norm(down, axis=2), 1e-9)
    shown = down / np.sqrt(length)[..., None]  # so that weak pulls stay visible
    ax.quiver(dataset.x, dataset.y, shown[..., 0], shown[..., 1], color="0.3", width=0.004, scale=14)
    end = dataset.end.values
    specialised = numbers.is_specialised(end)
    ax.plot(*end[~specialised].T, ".", color="C5", markersize=5, label="flow ends with both gates on")
    ax.plot(*end[specialised].T, "o", color="black", markersize=4, label="flow ends with one gate")
    for line in (ax.axhline, ax.axvline):
        line(0, color="0.3", linewidth=0.6)
    ax.set(xlabel="gate $c_1$", aspect="equal", xlim=(LOW, HIGH), ylim=(LOW, HIGH))
    return mesh
