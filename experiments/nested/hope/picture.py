"""How the tables of recall are drawn."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.nested.hope.simulation import ANEW, EQUAL_TIME, FOUR, WITHOUT, of_pairs
from experiments.nested.trainings import COLORS, draw_curves, draw_measure, measured, rows_of, tables_of
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Learning curves, accuracy over the number of pairs, and at four pairs, equal time, anew and without."""
    four = rows_of(data, FOUR)
    with house_style():
        figure, axes = plt.subplots(1, 4, figsize=(13.2, 3.6))
        draw_curves(axes[0], four)
        axes[0].set(title="four pairs", ylabel="loss at the questions")
        axes[0].legend(fontsize=6)
        _draw_capacity(axes[1], data)
        for shift, marker, table in ((-0.2, "o", FOUR), (0.0, "^", EQUAL_TIME), (0.2, "s", ANEW)):
            draw_measure(axes[2], rows_of(data, table), "accuracy", shift, marker)
        axes[2].set(xlabel="accuracy", title="4 pairs (dots), in equal\ntime (triangles), anew (squares)")
        draw_measure(axes[3], {"hope": four["hope"]} | rows_of(data, WITHOUT), "accuracy")
        axes[3].set(xlabel="accuracy", title="HOPE without one of its ideas")
        axes[3].locator_params(axis="x", nbins=4)
        seeds = four["hope"].sizes["seed"]
        figure.suptitle(
            f"associative recall, equal parameters, rate chosen on the first of {seeds} seeds; bands: all seeds",
            fontsize=8,
        )
    return figure


def _draw_capacity(ax: Axes, data: Data) -> None:
    numbers = sorted(number for number in range(1, 65) if of_pairs(number) in tables_of(data))
    for model in rows_of(data, FOUR):
        values = [measured(rows_of(data, of_pairs(number))[model], "accuracy") for number in numbers]
        ax.plot(numbers, [value.mean() for value in values], "o-", color=COLORS.get(model), markersize=3)
    ax.set(xlabel="pairs", ylabel="accuracy", title="capacity", xscale="log", ylim=(0, 1.02))
    ax.set_xticks(numbers, [str(number) for number in numbers])
    ax.minorticks_off()
