"""How coefficients along training are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.degeneracy.e2_development.simulation import CHECKED
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

COEFFICIENT, COSINE, GATES = "black", "C0", "C1"


def draw(data: Data) -> Figure:
    """Coefficient and specialisation over blocks in one panel for each network; on the right, all cutoffs."""
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(11.4, 3.6), layout="constrained")
        for ax, (name, found) in zip(axes, data.items(), strict=False):
            _draw_both(ax, found.sel(cutoff=CHECKED), found.attrs["entries"])
            ax.set_title(f"{name}, cutoff {CHECKED:g}", fontsize=8)
        _draw_cutoffs(axes[2], data["flexible"])
    return figure


def _draw_both(ax: Axes, found: xr.Dataset, entries: int) -> None:
    other = ax.twinx()
    other.spines["right"].set_visible(True)
    for seed in found.seed.values:
        one, first = found.sel(seed=seed), seed == 0
        ax.plot(one.block, one.value, color=COEFFICIENT, linewidth=0.9, label="coefficient" if first else None)
        ax.plot(one.block, one.effective_dimension, color="0.6", linewidth=0.7, linestyle="--",
                label="effective dimension" if first else None)  # fmt: skip
        ok = one.trusted.values.astype(bool)
        ax.errorbar(one.block, one.value, one.error, fmt="none", ecolor=COEFFICIENT, elinewidth=0.6)
        ax.plot(one.block[ok], one.value[ok], "o", color=COEFFICIENT, markersize=3)
        ax.plot(one.block[~ok], one.value[~ok], "o", color=COEFFICIENT, markerfacecolor="white", markersize=3)
        other.plot(one.block, one.alignment, color=COSINE, linewidth=0.9, label="cosine" if first else None)
        other.plot(one.block, one.second_gate, color=GATES, linewidth=0.9, linestyle=":",
                   label=r"$\sigma_2(C)$" if first else None)  # fmt: skip
    for value in ((entries + 2) / 2, entries):
        ax.axhline(value, color="0.8", linewidth=0.8, zorder=-5)
    ax.set(xlabel="block", ylabel="coefficient", ylim=(0.45 * entries, 1.06 * entries))
    other.set_ylabel(r"cosine, $\sigma_2(C)$", color=COSINE)
    other.set_ylim(-0.02, 1.1)
    _log_blocks(ax, found)
    handles = [*ax.get_legend_handles_labels()[0], *other.get_legend_handles_labels()[0]]
    if float(found.value.max()) < 0.8 * entries:  # where there is room
        ax.legend(handles, [str(handle.get_label()) for handle in handles], fontsize=7, loc=(0.45, 0.68))


def _draw_cutoffs(ax: Axes, found: xr.Dataset) -> None:
    for color, cutoff in zip(("C2", "black", "C3", "C5"), found.cutoff.values, strict=True):
        mean = found.value.sel(cutoff=cutoff).where(found.trusted.sel(cutoff=cutoff).astype(bool))
        ax.plot(found.block, mean.mean("seed"), "o-", color=color, markersize=3, label=f"{cutoff:g}")
        spread = mean.std("seed")
        low, high = mean.mean("seed") - spread, mean.mean("seed") + spread
        ax.fill_between(found.block, np.asarray(low), np.asarray(high), color=color, alpha=0.15, linewidth=0)
    ax.legend(title=r"cutoff $\gamma/t$", title_fontsize=6, fontsize=6)
    ax.set(xlabel="block", ylabel="coefficient")
    _log_blocks(ax, found)
    ax.set_title("flexible: mean of trusted, sd over seeds", fontsize=8)


def _log_blocks(ax: Axes, found: xr.Dataset) -> None:
    ax.set_xscale("log")
    ax.set_xticks(found.block.values, [str(block) for block in found.block.values])
    ax.minorticks_off()
