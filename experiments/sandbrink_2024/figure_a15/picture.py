"""How figure A15 is drawn."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.numbers.images import sorted_gates
from experiments.sandbrink_2024.panels.images import caption, draw_accuracy, draw_gates
from experiments.sandbrink_2024.runs.images import FLEXIBLE, FLEXIBLE_L1, MAPS
from ntadyn.plotting.style import house_style
from ntadyn.tasks.images import fixed_classes

TITLES = {"parity": "upper/lower", "warm_cool": "warm/cool"}


def draw(data: Data) -> Figure:
    """A column for every naming: accuracy on the task in force above, gates of the flexible networks below."""
    with house_style():
        figure, axes = plt.subplots(2, len(TITLES), figsize=(8.6, 4.9), sharex=True, sharey="row")
        for column, (naming, title) in enumerate(TITLES.items()):
            readouts = data[naming]
            draw_accuracy(axes[0, column], readouts)
            gates = {regime: sorted_gates(readouts, regime) for regime in (FLEXIBLE, FLEXIBLE_L1)}
            draw_gates(axes[1, column], readouts, gates)
            fixed = ", ".join(map(str, fixed_classes(MAPS[naming])))
            axes[0, column].set_title(f"{title}: leaves {fixed} in place")
            axes[0, column].set_xlabel("")
        for ax in axes[:, 1]:
            ax.set_ylabel("")
        axes[0, 1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        axes[1, 1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        figure.suptitle(caption(data["features"], data["parity"]), fontsize=8)
    return figure
