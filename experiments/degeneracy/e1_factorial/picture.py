"""How the four networks are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.degeneracy.joint.measures import alignment
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

CUTOFF = 0.01
COLORS = {"flexible": "black", "fast, no penalty": "C1", "slow, penalty": "C0", "forgetful": "C3"}


def draw(data: Data) -> Figure:
    """Above, effective dimension and cosine over blocks; below, adaptation, and estimates over cutoffs at the end."""
    entries = next(iter(data.values())).attrs["entries"]
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(8.6, 6.0), layout="constrained")
        for place, (name, found) in enumerate(data.items()):
            color = COLORS[name]
            _draw_all(axes[0, 0], found, found.laplace.sel(fine_cutoff=CUTOFF), color, name)
            _draw_all(axes[0, 1], found, alignment(found.cosine.values), color, name)
            _draw_all(axes[1, 0], found, found.adaptation.where(np.isfinite(found.adaptation)), color, name)
            _draw_ends(axes[1, 1], found, color, 0.96 + 0.03 * place)
        for ax in (axes[0, 0], axes[0, 1], axes[1, 0]):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        for ax in (axes[0, 0], axes[1, 1]):
            for value, text in ((entries, "M D / 2"), ((entries + 2) / 2, "(D + 2) / 2")):
                ax.axhline(value, color="0.6", linewidth=0.8, linestyle=":")
                ax.text(1.0, value, text, transform=ax.get_yaxis_transform(), fontsize=6, color="0.4", ha="right",
                        va="bottom")  # fmt: skip
        axes[0, 0].set(xlabel="block", ylabel="effective dimension", title=f"at a cutoff of {CUTOFF:g}")
        axes[0, 1].set(xlabel="block", ylabel="mean cosine of teachers with paths", ylim=(0, 1.03))
        axes[1, 0].set(xlabel="block", ylabel="time to half the loss of a zero map")
        axes[1, 1].set(xscale="log", xlabel=r"cutoff $\gamma / t$", ylabel="coefficient at the last block")
        axes[1, 1].set_title("lines: effective dimension; dots: MALA, hollow: refused", fontsize=7)
        axes[0, 1].legend(loc="lower right")
    return figure


def _draw_all(ax: Axes, found: xr.Dataset, values, color: str, name: str) -> None:
    for seed, row in enumerate(np.asarray(values)):
        ax.plot(found.block, row, color=color, linewidth=0.9, label=name if seed == 0 else None)


def _draw_ends(ax: Axes, found: xr.Dataset, color: str, shift: float) -> None:
    last = found.laplace.isel(block=-1)
    for seed in found.seed:
        order = np.argsort(found.fine_cutoff.values)
        ax.plot(found.fine_cutoff[order], last.sel(seed=seed)[order], color=color, linewidth=0.7)
        one = found.sel(seed=seed)
        ok = one.trusted.values.astype(bool)
        ax.plot(found.cutoff[ok] * shift, one.value[ok], "o", color=color, markersize=3.5)
        ax.plot(found.cutoff[~ok] * shift, one.value[~ok], "o", color=color, markerfacecolor="white", markersize=3.5)
