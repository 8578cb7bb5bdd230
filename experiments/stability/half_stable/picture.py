"""How the surroundings of the specialised orbit are drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.stability.half_stable.numbers import interval, returned
from experiments.stability.half_stable.simulation import SYSTEMS
from ntadyn.plotting.style import DASHES, house_style


def draw(data: Data) -> Figure:
    """Shares that return; distances of single runs, disturbed once and always; other networks from small weights."""
    once, always = data["once"], data["always"]
    with house_style():
        figure, axes = plt.subplots(1, 4, figsize=(11.0, 2.9), layout="constrained")
        back = returned(once)
        shares, number = back.mean("run").values, back.sizes["run"]
        ends = np.asarray([interval(int(row.sum()), number) for row in back.transpose("size", "run").values])
        bars = np.maximum(np.abs(ends.T - shares), 0)
        axes[0].errorbar(once.size.values, shares, bars, fmt="o", color="black", capsize=2)
        axes[0].set(xscale="log", ylim=(0, 1), xlabel="disturbance of weights", ylabel="share that returns")
        axes[0].set_title("disturbed once", fontsize=9)
        for index, size in enumerate(once.size.values):
            for run in range(min(number, 8)):
                style = {"color": f"C{index}", "linewidth": 0.7, "label": f"{size:g}" if run == 0 else None}
                axes[1].plot(once.block + 1, once.distance.sel(size=size).isel(run=run), **style)
        axes[1].set(xscale="log", yscale="log", xlabel="block", ylabel=r"$|W^1 - W^2|$")
        axes[1].set_title("disturbed once, 8 runs each", fontsize=9)
        for index, noise in enumerate(always.noise.values):
            low, middle, high = np.quantile(always.distance.sel(noise=noise), [0.25, 0.5, 0.75], axis=0)
            axes[2].fill_between(always.block + 1, low, high, color=f"C{index}", alpha=0.25, linewidth=0)
            axes[2].plot(always.block + 1, middle, color=f"C{index}", linestyle=DASHES[index], label=f"{noise:g}")
        axes[2].set(xlabel="block", ylabel=r"$|W^1 - W^2|$")
        axes[2].set_title("disturbed after every block", fontsize=9)
        for index, name in enumerate(name for name in SYSTEMS if name in data):
            style = {"color": f"C{index}", "linestyle": DASHES[index % len(DASHES)], "label": name}
            axes[3].plot(data[name].block + 1, data[name].distance.median("seed"), **style)
        axes[3].set(xscale="log", xlabel="block", ylabel=r"mean $|W^p - W^q|$")
        axes[3].set_title("from small weights", fontsize=9)
        for ax in axes[1:]:
            if ax.get_legend_handles_labels()[0]:
                ax.legend(fontsize=6)
    return figure
