"""How large estimates are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.degeneracy.large.numbers import CURVES, deviation
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

COLORS = {"dense": "black", "leading": "C0", "diagonal": "C1", "MALA": "C3", "NUTS": "C2"}
LEAST_DRAWS = 200  # that an estimate must have to be trusted


def draw(data: Data) -> Figure:
    """Deviations over sizes, what they cost, and what Langevin steps miss as a singular point is cooled."""
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(11.4, 3.4), layout="constrained")
        for name in CURVES:
            _draw_curve(axes[0], axes[1], name, data[name])
        axes[0].axhline(0, color="grey", linewidth=0.7)
        axes[0].set(xscale="log", xlabel="parameters", ylabel="deviation from the exact value, %")
        axes[0].set_title("planted networks, 16,000 gradients" if _is_full(data) else "planted networks")
        axes[0].legend(fontsize=6, title="whitening; open: refused", title_fontsize=6)
        axes[1].axhline(LEAST_DRAWS, color="grey", linewidth=0.7, linestyle=":")
        _draw_digits(axes[1], data["digits"])
        axes[1].set(xscale="log", yscale="log", xlabel="parameters", ylabel="effective draws")
        axes[1].set_title("planted networks; stars: on digits")
        _draw_chain(axes[2], data["chain"])
    return figure


def _is_full(data: Data) -> bool:
    return bool(np.all(np.abs(data["diagonal"].gradients / 16_000 - 1) < 0.01))


def _draw_curve(above: Axes, below: Axes, name: str, curve: xr.Dataset) -> None:
    color, trusted = COLORS[name], curve.trusted.values.astype(bool)
    shift = {"dense": 0.96, "leading": 1.0, "diagonal": 1.04}[name]
    sizes = curve["size"].values * shift
    percent, error = 100 * deviation(curve).values, 100 * (curve.error / curve.expected).values
    above.errorbar(sizes, percent, error, fmt="none", ecolor=color, elinewidth=0.8)
    for ax, values in ((above, percent), (below, curve.ess.values)):
        ax.plot(sizes, values, "-", color=color, linewidth=0.7)
        ax.plot(sizes[trusted], values[trusted], "o", color=color, markersize=4, label=name)
        ax.plot(sizes[~trusted], values[~trusted], "o", color=color, markerfacecolor="white", markersize=4)


def _draw_digits(ax: Axes, digits: xr.Dataset) -> None:
    for name in ("leading", "diagonal"):
        found = digits.sel(case=name)
        face = COLORS[name] if found.trusted.item() else "white"
        ax.plot(found.dimension, found.ess, "*", color=COLORS[name], markerfacecolor=face, markersize=9)
        label = f"{found.gradients.item() / 1000:.0f},000 gradients"
        place = (found.dimension.item(), found.ess.item())
        ax.annotate(label, place, (0, 6), textcoords="offset points", ha="center", fontsize=6)


def _draw_chain(ax: Axes, chain: xr.Dataset) -> None:
    temperatures = chain.temperature.values
    ax.plot(temperatures, chain.expected, color="black", label="quadrature")
    ax.plot(temperatures, chain.quadratic, color="grey", linestyle="--", label="quadratic part")
    ax.axhline(float(chain.limit), color="grey", linewidth=0.7, linestyle=":", label="limit")
    for algorithm in chain.algorithm.values:
        found = chain.sel(algorithm=algorithm)
        trusted = found.trusted.values.astype(bool)
        color = COLORS[algorithm]
        ax.errorbar(temperatures, found.value, found.error, fmt="none", ecolor=color, elinewidth=0.8)
        ax.plot(temperatures[trusted], found.value[trusted], "o", color=color, markersize=4, label=algorithm)
        ax.plot(temperatures[~trusted], found.value[~trusted], "o", color=color, markerfacecolor="white", markersize=4)
    ax.set(xscale="log", xlabel="inverse temperature t", ylabel="coefficient")
    ax.set_title(f"{int(chain.dimension.values.flat[0])} parameters, lacking directions")
    ax.legend(fontsize=6)
