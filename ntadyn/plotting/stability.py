"""Pictures of orbits: the band of contact, growth along a run, multipliers; and of the predicted border."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.style import WIDTH, house_style


def draw_band(ax: Axes, dataset: xr.Dataset) -> None:
    """G(q), and the band in which it exceeds one: there Q climbs, up to the specialised orbit.

    Args:
        ax: where to draw.
        dataset: from `specs.orbits.orbits_of_plane`.
    """
    ax.semilogx(dataset.q, dataset.gate_swing, color="C0")
    ax.axhline(1.0, color="0.4", linewidth=0.8)
    low, high = float(dataset.q_low), float(dataset.q_high)
    if np.isfinite(low):
        ax.axvspan(low, high, color="C0", alpha=0.15, linewidth=0)
        ax.plot([low, high], [1, 1], "o", color="C1", markersize=4)
        ax.annotate("lowest", (low, 1), (-4, 4), textcoords="offset points", ha="right")
        ax.annotate("specialised", (high, 1), (-4, -11), textcoords="offset points", ha="right")
    ax.set(xlabel=r"$q = Q\,\tau_W/\tau_c$", ylabel=r"largest $|c_1 - c_2|$", title="Contact band")


def draw_growth(ax: Axes, dataset: xr.Dataset) -> None:
    """How far gates of a small start part, block by block, until one of them reaches zero.

    Args:
        ax: where to draw.
        dataset: from `specs.orbits.orbits_of_plane`.
    """
    ax.semilogy(dataset.block, dataset.gate_difference, "o-", color="C0", markersize=4)
    ax.axhline(1.0, color="0.4", linewidth=0.8)
    ax.annotate("contact", (float(dataset.block[-1]), 1), (0, 3), textcoords="offset points", ha="right")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="block", ylabel=r"s.d. of $(c_1 - c_2)/C$", title="Growth from the start")


def draw_multipliers(ax: Axes, dataset: xr.Dataset) -> None:
    """All multipliers of the unspecialised orbit in the complex plane.

    Args:
        ax: where to draw.
        dataset: with the variables of `specs.orbits.unspecialised_in_whole`.
    """
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(angle), np.sin(angle), color="0.6", linewidth=0.8)
    looks = {"unstable": ("^", "C1"), "neutral": ("s", "0.4"), "stable": ("o", "C0")}
    for name, (marker, color) in looks.items():
        chosen = dataset.label.values == name
        if chosen.any():
            x, y = dataset.multiplier.values[chosen], dataset.multiplier_imaginary.values[chosen]
            ax.plot(x, y, marker, color=color, markersize=5, fillstyle="none", label=name)
    ax.set(xlabel="real part", ylabel="imaginary part", title="Unspecialised orbit", aspect="equal")
    ax.legend(fontsize=7, loc="center", bbox_to_anchor=(0.5, 0.75))


def orbits_figure(dataset: xr.Dataset) -> Figure:
    """Band, growth and multipliers side by side.

    Args:
        dataset: from `specs.orbits.orbits_of_plane` and `specs.orbits.unspecialised_in_whole`.
    """
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(1.7 * WIDTH, 2.9), layout="constrained")
        for ax, draw in zip(axes, (draw_growth, draw_band, draw_multipliers), strict=True):
            draw(ax, dataset)
        figure.suptitle(settings_title(dataset), fontsize=8)
    return figure


def border_figure(dataset: xr.Dataset) -> Figure:
    """The predicted border and the fold of the band, over block durations.

    Args:
        dataset: from `specs.orbits.border_of_plane`.
    """
    low, high = dataset.attrs["sought_between"]
    with house_style():
        figure, ax = plt.subplots(figsize=(WIDTH, 3.4), layout="constrained")
        inside = (dataset.predicted_border > low * 1.001) & (dataset.predicted_border < high / 1.001)
        until = f"by $t = {dataset.attrs['training_time']:g}$"
        ax.plot(
            dataset.predicted_border.where(inside), dataset.block_duration, "o-", color="C0", markersize=4,
            label=f"half of all runs specialise {until}",
        )  # fmt: skip
        ax.plot(
            dataset.band_fold, dataset.block_duration, "s--", color="C1", markersize=4,
            label="contact band closes: no specialised orbit to its right",
        )  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel=r"gate time constant $\tau_c$", ylabel=r"block duration $\tau_B$")
        ax.set_title(settings_title(dataset), fontsize=8)
        figure.legend(loc="outside lower center", fontsize=7)
    return figure
