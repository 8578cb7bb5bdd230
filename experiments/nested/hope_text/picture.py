"""How the tables of characters are drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.nested.hope_text.simulation import EQUAL_STEPS, EQUAL_TIME, WITHOUT
from experiments.nested.trainings import draw_curves, draw_measure, rows_of
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Learning curves, and bits per character at equal steps, at equal time, and without one idea, beside n-grams."""
    steps = rows_of(data, EQUAL_STEPS)
    first = next(iter(steps.values()))
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(11.4, 3.8))
        draw_curves(axes[0], steps, per_unit=np.log(2))
        # Before the first step everybody has the logarithm of the number of characters.
        lowest, highest = (
            [float(pick(curve.held_out_loss.isel(evaluation=slice(1, None)) / np.log(2))) for curve in steps.values()]
            for pick in (np.min, np.max)
        )
        axes[0].set(title="on characters held out for choices", ylabel="bits per character")
        axes[0].set_ylim(0.98 * min(lowest), 1.02 * max(highest))
        axes[0].legend(fontsize=6)
        for shift, marker, table in ((-0.15, "o", EQUAL_STEPS), (0.15, "^", EQUAL_TIME)):
            draw_measure(axes[1], rows_of(data, table), "bits", shift, marker)
        axes[1].set(xlabel="bits per character")
        axes[1].set_title("test: equal steps (dots),\nequal time (triangles)", pad=14)
        # Self-modifying memory is HOPE without its continuum.
        whole = {model: steps[model] for model in ("hope", "self-modifying") if model in steps}
        draw_measure(axes[2], whole | rows_of(data, WITHOUT), "bits")
        axes[2].set(xlabel="bits per character", title="HOPE without one of its ideas")
        for order in first.order.values.tolist():
            value = float(first.ngram_bits.isel(part=0).sel(order=order))
            if order >= 3:
                axes[1].axvline(value, color="0.6", linewidth=0.8)
                where = axes[1].get_xaxis_transform()
                axes[1].text(value, 1.01, f"{order}-gram", transform=where, fontsize=6, ha="center", color="0.4")
        figure.suptitle(
            f"the documentation of Python, character by character; equal parameters, rate chosen on the first of "
            f"{first.sizes['seed']} seeds",
            fontsize=8,
        )
    return figure
