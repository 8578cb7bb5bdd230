"""How basins are drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.stability.basins.numbers import FOLD, fates_after, group_share
from ntadyn.plotting.basins import draw_basins, draw_shares
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Shares of specialised runs over the spread of initial weights at three times, along tau_c, and the plane."""
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(10.2, 3.9), layout="constrained")
        names = [name for name in data if name.startswith("cell")]
        for name, color in zip(names, ("C0", "C1"), strict=False):
            found = data[name]
            for quarters, line in ((2, "-"), (3, "--"), (4, ":")):
                fates, after = fates_after(found, quarters), found.attrs["num_blocks"] * quarters // 4
                values = np.array([group_share(row, "specialised") for row in fates])
                axes[0].errorbar(
                    found.spread, values[:, 0], np.abs(values[:, 1:] - values[:, :1]).T, color=color, linestyle=line,
                    marker="o", markersize=3, capsize=2, linewidth=1.1,
                    label=rf"$\tau_c$ = {name.split()[1]}, {after} blocks",
                )  # fmt: skip
        axes[0].set(xscale="log", xlabel=r"spread of initial weights / $|W^*|$", ylabel="share of specialised runs")
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.18), "ncols": 2, "fontsize": 6}
        axes[0].legend(**below)
        draw_shares(axes[1], data["by gates"], logarithmic=False)
        axes[1].axvline(FOLD, color="0.4", linestyle="--", linewidth=0.9)
        axes[1].annotate("band closes", (FOLD, 0.1), (3, 0), textcoords="offset points", fontsize=6, rotation=90)
        blocks = data["by gates"].attrs["num_blocks"]
        axes[1].set(xlabel=r"gate time constant $\tau_c$", title=f"spread 0.1, after {blocks} blocks")
        axes[1].legend(**below)
        handles = draw_basins(axes[2], data["plane"])
        axes[2].set_title(rf"$\tau_c$ = 0.05, after {data['plane'].attrs['num_blocks']} blocks")
        axes[2].set_xticks((-1, -0.5, 0, 0.5, 1))
        axes[2].legend(handles=handles, **below)
    return figure
