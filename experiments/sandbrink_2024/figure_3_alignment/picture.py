"""How the supplement on alignment to figure 3 is drawn."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.blocks import at_end, fall_time
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_3_alignment.simulation import NAMES
from experiments.sandbrink_2024.runs.composition import FIRST_COMPOSITE, SHOWN_BLOCKS
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, house_style


def draw(data: Data) -> Figure:
    """Loss and alignment over the whole course, and both for every repetition; one row per kind of composition."""
    with house_style():
        figure, axes = plt.subplots(2, 3, figsize=(8.6, 4.6))
        for row, name in zip(axes, NAMES, strict=True):
            pair = {regime: data[f"{name}_{regime}"] for regime in ("forgetful", "flexible")}
            _draw_course(row[0], pair, "loss")
            row[0].set(ylim=(0, 0.32), ylabel="loss")
            row[0].set_title(f"{name} composition")
            _draw_course(row[1], pair, "alignment")
            for values in pair["flexible"].alignment.values[:20]:
                row[1].plot(pair["flexible"].time.values, values, color=FLEXIBLE, linewidth=0.3, alpha=0.35)
            row[1].set(ylim=(-0.05, 1.05), ylabel="total alignment")
            _draw_seeds(row[2], pair)
        for ax, letter in zip(axes.flat, "ABCDEF", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        thin = Line2D([], [], color=FLEXIBLE, linewidth=0.4, label="flexible, one repetition")
        axes[0, 1].legend(handles=[thin], loc="lower right")
        axes[0, 2].legend(loc="upper right")
        seeds = [data[f"{name}_flexible"].sizes["seed"] for name in NAMES]
        figure.suptitle(
            f"{seeds[0]} and {seeds[1]} repetitions; bands: standard error; dashed: first composite task", fontsize=8
        )
    return figure


def _draw_course(ax: Axes, pair: Data, name: str) -> None:
    for regime, dataset in pair.items():
        band(ax, dataset.time.values, dataset[name].values, FLEXIBLE if regime == "flexible" else FORGETFUL, regime)
        ax.lines[-1].set_linewidth(0.9)
    ax.axvline(FIRST_COMPOSITE, color="0.3", linewidth=0.8, linestyle=(0, (4, 3)))
    ax.set(xlim=(0, SHOWN_BLOCKS), xlabel="time")


def _draw_seeds(ax: Axes, pair: Data) -> None:
    """Alignment before the first composite against the time in which its loss falls to a tenth."""
    for regime, dataset in pair.items():
        alignment, time = at_end(dataset.alignment, FIRST_COMPOSITE - 1), fall_time(dataset, FIRST_COMPOSITE)
        color, marker = (FLEXIBLE, "o") if regime == "flexible" else (FORGETFUL, "s")
        ax.scatter(alignment, time, s=12, color=color, marker=marker, alpha=0.6, linewidths=0, label=regime)
    ax.set(xlim=(0.25, 1.02), ylim=(0.01, 1), yscale="log", xlabel="alignment before the first composite")
    ax.set_ylabel("time to a tenth\nof its loss")
    ax.set_yticks([0.01, 0.1, 1.0], ["0.01", "0.1", "1"])
