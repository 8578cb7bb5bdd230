"""How figure 3 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.outcomes import on_batches
from experiments.harness.runs import Data
from experiments.sandbrink_2024.runs.composition import FIRST_COMPOSITE
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, WIDTH, band, house_style

WINDOW = (FIRST_COMPOSITE - 0.16, FIRST_COMPOSITE + 0.84)


def draw(data: Data) -> Figure:
    """The loss around the first composite block, as published."""
    with house_style():
        figure, axes = plt.subplots(1, 2, figsize=(1.1 * WIDTH, 2.5), sharey=True)
        for ax, name, letter in zip(axes, ("task", "subtask"), "CD", strict=True):
            _draw(ax, data, name)
            ax.set_title(letter, loc="left", fontweight="bold")
            ax.set_title(f"{name} composition")
        axes[0].set_ylabel("loss")
        axes[0].legend(loc="upper right")
        dotted = Line2D([], [], color="black", linestyle=":", label="small steps,\nno noise")
        axes[1].legend(handles=[dotted], loc="upper right")
        seeds = [data[f"{name}_flexible"].sizes["seed"] for name in ("task", "subtask")]
        how = "batches of 200" if on_batches(data["task_flexible"]) else "population flow"
        figure.suptitle(
            f"C: {how}, {seeds[0]} repetitions; D: batches of 200, {seeds[1]} repetitions; bands: standard error;\n"
            "dots: published steps are twice the time constant of the gates of D, and small ones end elsewhere",
            fontsize=8,
        )
    return figure


def _draw(ax: Axes, data: Data, name: str) -> None:
    """Forgetful behind flexible; the flow dotted where the panel itself is on batches in large steps."""
    for regime, color in (("forgetful", FORGETFUL), ("flexible", FLEXIBLE)):
        dataset = data[f"{name}_{regime}"]
        band(ax, dataset.time.values, dataset.loss.values, color, regime)
        if f"{name}_flow_{regime}" in data:
            flow = data[f"{name}_flow_{regime}"]
            ax.plot(flow.time.values, np.mean(flow.loss.values, axis=0), ":", color=color, linewidth=1.0)
    ax.set(xlim=WINDOW, ylim=(0, 0.32), xlabel="time")
    ax.set_xticks([FIRST_COMPOSITE], ["new tasks"])
