"""How spectra of inputs are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.beyond.spectra.numbers import selectivity
from experiments.beyond.spectra.simulation import MAP_GATES
from experiments.harness.runs import Data
from ntadyn.plotting.style import band, house_style

STYLES = {"white": ("C0", "-"), "digits": ("C1", "-"), "power law": ("C2", "--")}


def draw(data: Data) -> Figure:
    """Above, three readings of one map; below, the spectrum of digits, and what learns on it."""
    sweep, images = data["map"], data["digits"]
    with house_style():
        figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.6), layout="constrained")
        _draw_map(figure, axes[0, 0], sweep.alignment.mean("seed"), "plain alignment", (0.5, 1.0))
        _draw_map(figure, axes[0, 1], sweep.seen_alignment.mean("seed"), "seen alignment", (0.5, 1.0))
        ratio: xr.DataArray = xr.apply_ufunc(np.log10, selectivity(sweep))
        _draw_map(figure, axes[0, 2], ratio, r"$\log_{10}$ (other loss / loss)", (0.0, 3.0))
        _draw_spectrum(axes[1, 0], images)
        _draw_lines(axes[1, 1], images, "alignment", "plain alignment")
        _draw_lines(axes[1, 2], images, "seen_alignment", "seen alignment")
        axes[1, 2].legend(fontsize=7)
        figure.suptitle(
            rf"closed flow, $\tau_c = {MAP_GATES:g}$, $\tau_W = 1$, power of white inputs; "
            f"{sweep.sizes['seed']} repetitions with teachers of their own; below, inputs with the spectrum of digits",
            fontsize=8,
        )
    return figure


def _draw_map(figure: Figure, ax: Axes, values: xr.DataArray, title: str, limits: tuple[float, float]) -> None:
    values = values.transpose("block_duration", "inputs_exponent")
    low, high = limits
    found = ax.pcolormesh(
        values.inputs_exponent, values.block_duration, values, shading="nearest", vmin=low, vmax=high, rasterized=True
    )
    figure.colorbar(found, ax=ax, pad=0.02)
    ax.set(xlabel="exponent of the spectrum", ylabel=r"block length / $\tau_W$", title=title)


def _draw_spectrum(ax: Axes, images: xr.Dataset) -> None:
    variance, exponent = images.variance.values, float(images.exponent)
    rank = np.arange(1, len(variance) + 1)
    fit = rank**-exponent
    ax.loglog(rank, np.maximum(variance, 1e-6), "o", color="C1", markersize=3, label="pixels")
    ax.loglog(rank, fit * len(rank) / fit.sum(), "--", color="C2", label=f"power law, exponent {exponent:.2f}")
    ax.set(xlabel="rank", ylabel="variance", title=f"leading {float(images.share):.0%} of the power of digits")
    ax.legend(fontsize=7)


def _draw_lines(ax: Axes, images: xr.Dataset, name: str, title: str) -> None:
    for spectrum, (color, line) in STYLES.items():
        values = images[name].sel(spectrum=spectrum).transpose("seed", "block_duration").values
        band(ax, images.block_duration.values, values, color, spectrum, linestyle=line)
    ax.set(xlabel=r"block length / $\tau_W$", title=title, ylim=(0, 1.05))
