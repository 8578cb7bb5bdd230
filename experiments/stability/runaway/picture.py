"""How the measures along the runaway are drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from xarray import Dataset

from experiments.harness.runs import Data
from ntadyn.plotting.style import DASHES, house_style

MARKERS = "os^"


def draw(data: Data) -> Figure:
    """Distances of paths; gates of both tasks; coefficients beside effective dimensions; and graphs."""
    found = data["runaway"]
    with house_style():
        figure, axes = plt.subplots(1, 4, figsize=(12.5, 3.2), layout="constrained")
        places = np.arange(found.sizes["block"])
        for index, case in enumerate(found.case.values):
            one, look = found.sel(case=case), _look(index, index)
            axes[0].plot(places, one.apart, label=case, **look)
            axes[3].plot(places, one.neuron_modularity, label=f"{case}, paths", **look)
            axes[3].plot(places, one.modularity, label=f"{case}, Interaction Basis", alpha=0.4, **look)
            _coefficients(axes[2], one, index)
        away = found.sel(case="runaway")
        for task, name in enumerate("AB"):
            for path in range(2):
                gate = away.gates.isel(task=task, path=path)
                axes[1].plot(places, gate, label=f"path {path + 1}, in {name}", **_look(path, task))
        axes[0].set(ylabel=r"$|W^1 - W^2|$", title="distance of paths")
        axes[1].set(ylabel="gate at the end of a block", title="runaway: gates of both tasks")
        axes[2].set(ylabel="coefficient", ylim=(1.5, 2.1), title="dots: MALA; lines: effective dimension")
        axes[3].set(ylabel="modularity of tasks", title="graph")
        for ax in axes:
            ax.set_xlabel("block")
            ax.set_xticks(places, [str(block) for block in found.block.values], fontsize=6)
            ax.title.set_fontsize(9)
            ax.legend(fontsize=6)
    return figure


def _coefficients(ax: Axes, one: Dataset, index: int) -> None:
    """Those at the coarsest cutoff, filled, and at the finest, hollow; side by side, and only what is trusted."""
    places = np.arange(one.sizes["block"])
    for cutoff, face in ((one.cutoff.values[0], f"C{index}"), (one.cutoff.values[-1], "white")):
        at = one.sel(cutoff=cutoff)
        ax.plot(places, at.laplace, color=f"C{index}", linestyle=DASHES[index], linewidth=0.9)
        ok = at.trusted.values.astype(bool)
        style = {"color": f"C{index}", "marker": MARKERS[index], "markerfacecolor": face, "markersize": 4}
        label = f"{one.case.item()}, cutoff {cutoff:g}"
        shifted = (places + 0.2 * (index - 1))[ok]
        ax.errorbar(shifted, at.value[ok], at.error[ok], linestyle="", linewidth=0.7, label=label, **style)


def _look(color: int, dash: int) -> dict:
    return {"color": f"C{color}", "linestyle": DASHES[dash], "marker": MARKERS[dash], "markersize": 3}
