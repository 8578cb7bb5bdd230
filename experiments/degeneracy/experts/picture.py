"""How networks of experts are drawn."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.harness.runs import Data
from ntadyn.plotting.interaction import draw_graph
from ntadyn.plotting.style import house_style

TITLES = {
    "flexible": "two paths, fast bounded gates",
    "forgetful": "two paths, slow free gates",
    "mixture": "mixture of experts, softmax",
}
SHORT = {
    "activations span too little": "activations",
    "single units": "single units",
    "synchronised units": "synchronised",
    "scales of gates": "gates",
    "single examples": "examples",
}
FLOOR = 1e-9


def draw(data: Data) -> Figure:
    """Row by row a network: its graph before and after training, spectra, and the ledger, for the first repetition."""
    with house_style():
        figure, axes = plt.subplots(len(data), 4, figsize=(12.4, 2.9 * len(data)), squeeze=False, layout="constrained")
        for row, (name, dataset) in zip(axes, data.items(), strict=True):
            one = dataset.isel(seed=0)
            for ax, stage in zip(row, ("before", "after"), strict=False):
                draw_graph(ax, one.sel(stage=stage).edge.values)
                at = dataset.sel(stage=stage)
                owned, accuracy = float(at.owned.mean()), float(at.accuracy.mean())
                ax.set_title(f"{stage}: owned {owned:.2f}, accuracy {accuracy:.2f}", fontsize=8)
            row[0].annotate(TITLES[name], (-0.04, 0.5), xycoords="axes fraction", rotation=90, va="center", ha="right")
            _draw_spectra(row[2], one)
            _draw_ledger(row[3], one)
    return figure


def _draw_spectra(ax: Axes, one: xr.Dataset) -> None:
    index = np.arange(1, one.sizes["direction"] + 1)
    for name, color, marker in (("activation", "C0", "o"), ("interaction", "C1", "s")):
        for stage, line, face in (("before", ":", "white"), ("after", "-", color)):
            at = one.sel(stage=stage)
            values, rank = at[f"{name}_spectrum"].values, int(at[f"{name}_rank"])
            ax.plot(
                index,
                np.maximum(values / values[0], FLOOR),
                linestyle=line,
                marker=marker,
                markersize=3.5,
                markerfacecolor=face,
                color=color,
                linewidth=0.8,
                label=f"{name}s {stage}, rank {rank}",
            )
    ax.set(yscale="log", xlabel="direction of the hidden layer", ylabel="singular value / largest", ylim=(FLOOR / 3, 3))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(fontsize=6, loc="lower left")


def _draw_ledger(ax: Axes, one: xr.Dataset) -> None:
    places, bottom = np.arange(one.sizes["stage"]), np.zeros(one.sizes["stage"])
    parts: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "seen to second order": (one["rank"].values, {"color": "0.75"})
    }
    for at, name in enumerate(one.explanation.values):
        counts = one.explained.isel(explanation=at).values
        parts[SHORT.get(str(name), str(name))] = (counts, {"color": f"C{at + 1}"})
    hatched = {"facecolor": "white", "edgecolor": "black", "hatch": "///", "linewidth": 0.6}
    parts["unexplained"] = (one.unexplained.values, hatched)
    for name, (counts, look) in parts.items():
        numbers = " / ".join(str(int(count)) for count in counts)
        ax.bar(places, counts, bottom=bottom, width=0.6, label=f"{name}: {numbers}", **look)
        bottom = bottom + counts
    ax.set_xticks(places, list(one.stage.values))
    ax.set(ylabel="parameters", ylim=(0, 2.05 * bottom.max()))
    ax.legend(fontsize=6, loc="upper center", title="before / after", title_fontsize=6)
