"""How forgetting against similarity is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.beyond.committee.numbers import short_block_law
from experiments.beyond.committee.simulation import EARLY, LATE
from experiments.harness.runs import Data
from ntadyn.plotting.style import band, house_style


def draw(data: Data) -> Figure:
    """Hidden units, what becomes of each seed, and gated paths."""
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3), layout="constrained")
        _draw_units(axes[0], data["units"])
        _draw_seeds(figure, axes[1], data["units"])
        _draw_gates(axes[2], data["gates"])
        figure.suptitle(
            "two laws, not a race: heads need a task label, gates do not; bands: one standard error over "
            f"{data['units'].sizes['seed']} and {data['gates'].sizes['seed']} seeds",
            fontsize=8,
        )
    return figure


def _draw_units(ax: Axes, units: xr.Dataset) -> None:
    for color, name, time in (("C0", "early", EARLY), ("C1", "late", LATE)):
        values = units[name].transpose("seed", "similarity").values
        band(ax, units.similarity.values, values, color, f"{time:g} samples per input")
    ax.set(title="hidden units with a head per task", xlabel="similarity V of the tasks", ylabel="rise of loss 1")
    ax.legend(fontsize=7)


def _draw_seeds(figure: Figure, ax: Axes, units: xr.Dataset) -> None:
    similarity = np.broadcast_to(units.similarity.values[:, None], units.turned.shape)
    found = ax.scatter(units.turned, units.late, c=similarity, s=12, cmap="viridis")
    figure.colorbar(found, ax=ax, label="similarity V", pad=0.02)
    ax.set(
        title=f"seed by seed, {LATE:g} samples per input",
        xlabel="cosine of the unit of task 1 with teacher 2",
        ylabel="rise of loss 1",
    )


def _draw_gates(ax: Axes, gates: xr.Dataset) -> None:
    x = gates.similarity.values
    for color, name in (("C0", "flexible, short"), ("C2", "forgetful, short"), ("C1", "flexible, long")):
        values = gates.rise.sel(network=name).transpose("seed", "similarity").values
        band(ax, x, values, color, f"{name} blocks")
    latent = gates.latent_rise.sel(network="flexible, short").transpose("seed", "similarity").values
    band(ax, x, latent, "C0", "the first, best gates", linestyle=":")
    ax.plot(x, short_block_law(gates, "forgetful, short"), "--", color="C2", linewidth=1)
    ax.plot(x, 1 - x, "--", color="black", linewidth=1, label="overwritten map (dashed)")
    ax.set(title="gated linear paths", xlabel="similarity V of the tasks", ylabel=r"rise of loss 1 / $|T|^2$")
    ax.legend(fontsize=6)
