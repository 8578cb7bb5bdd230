"""How forgetting against similarity is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.beyond.committee.simulation import EARLY, LATE
from experiments.harness.runs import Data
from ntadyn.plotting.style import band, house_style


def draw(data: Data) -> Figure:
    """Hidden units, what becomes of each seed, and gated paths."""
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3), layout="constrained")
        _draw_units(axes[0], data["units"])
        _draw_seeds(axes[1], data["units"])
        _draw_gates(axes[2], data["gates"])
        figure.suptitle(
            "two laws, not a race: heads need a task label, gates do not; bands: standard deviation over "
            f"{data['units'].sizes['seed']} seeds",
            fontsize=8,
        )
    return figure


def _draw_units(ax: Axes, units: xr.Dataset) -> None:
    for color, name, time in (("C0", "early", EARLY), ("C1", "late", LATE)):
        values = units[name].transpose("seed", "similarity").values
        band(ax, units.similarity.values, values, color, f"{time:g} samples per input")
    ax.set(title="hidden units with a head per task", xlabel="similarity V of the tasks", ylabel="rise of loss 1")
    ax.legend(fontsize=7)


def _draw_seeds(ax: Axes, units: xr.Dataset) -> None:
    looks = {False: ("o", "none", "another unit took task 2"), True: ("s", "C1", "the unit of task 1 took task 2")}
    similarity = np.broadcast_to(units.similarity.values[:, None], units.reused.shape)
    for reused, (marker, face, label) in looks.items():
        at = units.reused.values.astype(bool) == reused
        ax.plot(similarity[at], units.late.values[at], marker, mfc=face, mec="C1", markersize=4, label=label)
    ax.set(title="seed by seed, late", xlabel="similarity V of the tasks", ylabel="rise of loss 1")
    ax.legend(fontsize=7)


def _draw_gates(ax: Axes, gates: xr.Dataset) -> None:
    x = gates.similarity.values
    for color, name in (("C0", "flexible"), ("C2", "forgetful")):
        for reading, line, text in (("rise", "-", "as it is"), ("latent_rise", ":", "with the best gates")):
            values = gates[reading].sel(network=name).transpose("seed", "similarity").values
            band(ax, x, values, color, f"{name}, {text}", linestyle=line)
    ax.plot(x, 1 - x, "--", color="black", linewidth=1, label="overwritten map, 1 - V")
    ax.set(title="gated linear paths", xlabel="similarity V of the tasks", ylabel=r"rise of loss 1 / $|T|^2$")
    ax.legend(fontsize=6)
