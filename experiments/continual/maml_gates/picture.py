"""How the experiment on meta-learning with gates is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.continual.maml_gates.simulation import RATE
from experiments.harness.runs import Data
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, house_style

# Below this, a loss is drawn as this: rounding.
FLOOR = 1e-12
COLORS = {
    "MAML, K = 1": "C0",
    "MAML, K = 2": "C1",
    "MAML, K = 5": "C2",
    "MAML, gates from 0": "C4",
    "meta-leader": "C5",
    "flexible": FLEXIBLE,
    "forgetful": FORGETFUL,
    "initial": "0.7",
}
DASHES = {"forgetful": "--", "initial": ":", "meta-leader": "--", "MAML, gates from 0": ":"}


def draw(data: Data) -> Figure:
    """Loss after inner steps, loss after one step by rate, cosines of paths, eigenvalues of a G."""
    learners = data["learners"]
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(7.6, 5.4))
        for ax, letter in zip(axes.flat, "ABCD", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        _draw_steps(axes[0, 0], learners)
        _draw_rates(axes[0, 1], learners)
        _draw_dots(axes[1, 0], learners.cosines)
        axes[1, 0].set(ylabel="cosine of teacher and its path", ylim=(0, 1.03))
        _draw_dots(axes[1, 1], learners.gram)
        axes[1, 1].axhline(1, color="0.8", zorder=-1)
        axes[1, 1].set(ylabel="eigenvalues of a G", ylim=(0, 1.15))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def _draw_steps(ax: Axes, learners: xr.Dataset) -> None:
    for name, color in COLORS.items():
        loss = np.maximum(_typical(learners.loss.sel(learner=name)), FLOOR)
        ax.plot(learners.inner_step.values, loss, color=color, linestyle=DASHES.get(name, "-"), label=name)
    ax.set(xlabel="inner steps K after learning", ylabel="loss after adaptation", yscale="log", xticks=range(0, 11, 2))


def _draw_rates(ax: Axes, learners: xr.Dataset) -> None:
    """In multiples of the rate a that was used in learning."""
    for name, color in COLORS.items():
        loss = np.maximum(_typical(learners.one_step.sel(learner=name)), FLOOR)
        ax.plot(learners.inner_rate.values / RATE, loss, color=color, linestyle=DASHES.get(name, "-"))
    ax.set(xlabel="inner rate / a", ylabel="loss after one step", xscale="log", yscale="log", ylim=(1e-5, 1e2))
    ax.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    ax.set_xticks([], minor=True)


def _draw_dots(ax: Axes, values: xr.DataArray) -> None:
    """One dot for every path and seed, one column per learner."""
    for place, (name, color) in enumerate(COLORS.items()):
        flat = values.sel(learner=name).values.ravel()
        ax.plot(place + np.linspace(-0.25, 0.25, flat.size), flat, "o", color=color, markersize=3)
    ax.set_xticks(range(len(COLORS)), [name.replace(", ", ",\n") for name in COLORS], rotation=90, fontsize=6)


def _typical(values: xr.DataArray) -> np.ndarray:
    """The geometric mean over seeds."""
    return np.exp(np.log(np.maximum(values.values, FLOOR)).mean(axis=values.get_axis_num("seed")))
