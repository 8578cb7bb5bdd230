"""How full networks of two layers are drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.degeneracy.e5_two_layers.numbers import GAP, lengths
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

COLORS = {"penalty": "black", "no penalty": "C3"}


def draw(data: Data) -> Figure:
    """Modularity over blocks in both bases, over block lengths, and what fires together in rectified networks."""
    with house_style():
        figure, axes = plt.subplots(1, 4, figsize=(13.2, 3.5), layout="constrained")
        for name, color in COLORS.items():
            found = data[name]
            for ax, values in zip(axes, (found.neuron, found.by_gap.sel(gap=GAP)), strict=False):
                for seed, row in enumerate(values.values):
                    ax.plot(found.block, row, "o-", color=color, markersize=3, linewidth=0.9,
                            label=name if seed == 0 else None)  # fmt: skip
        for ax, title in zip(axes, ("neurons", f"Interaction Basis, gap {GAP:g}"), strict=False):
            ax.axhline(0, color="0.7", linewidth=0.7)
            ax.set(xscale="log", xlabel="block", title=title, ylim=(-0.1, 0.55))
        axes[0].set_ylabel("modularity of tasks")
        axes[0].legend(loc="upper left")
        for color, gap in zip(("C2", "C0", "C1", "C3"), data["penalty"].gap.values, strict=True):
            found = lengths(data)
            places = [one.length.item() for one in found]
            rows = np.array([one.by_gap.sel(gap=gap).values for one in found])
            axes[2].plot(places, rows.mean(axis=1), color=color, linewidth=2 if gap == GAP else 0.9, label=f"{gap:g}")
            if gap == GAP:
                axes[2].plot(places, rows, "o", color=color, markersize=3)
        axes[2].axhline(0, color="0.7", linewidth=0.7)
        axes[2].set(xscale="log", xlabel="block length", title="penalty, at the end", ylim=(-0.1, 0.55))
        axes[2].legend(title="gap", fontsize=6, title_fontsize=6, loc="center left")
        for name, color in COLORS.items():
            found = data["rectified"].sel(condition=name)
            for kind, line, text in (("nearly", "-", "on 95 % of examples"), ("units", ":", "on all")):
                axes[3].plot(found.block, found[kind].mean("seed"), line, color=color, label=f"{name}, {text}")
        axes[3].set(xlabel="block", ylabel="units that fire together")
        axes[3].set_title("rectified, exploratory; means over seeds", fontsize=8)
        axes[3].legend(fontsize=6)
    return figure
