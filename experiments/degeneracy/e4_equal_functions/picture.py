"""How points of equal function are drawn."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from experiments.degeneracy.e4_equal_functions.numbers import apart
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style, line_looks

COLORS = ("C2", "C0", "C1", "C3")


def draw(data: Data) -> Figure:
    """Coefficients over the share a, estimates on the closed form; gates and losses over blocks under all penalties."""
    points, drift = data["points"], data["drift"]
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(11.4, 3.6), layout="constrained")
        for color, cutoff in zip(COLORS, points.cutoff.values, strict=True):
            axes[0].plot(points.fine_share, points.curve.sel(cutoff=cutoff), color=color, label=f"{cutoff:g}")
            for seed in points.seed.values:
                at = points.sel(cutoff=cutoff, seed=seed)
                ok = at.trusted.values.astype(bool)
                axes[0].plot(at.share[ok], at.value[ok], "o", color=color, markersize=3)
                axes[0].plot(at.share[~ok], at.value[~ok], "o", color=color, markerfacecolor="white", markersize=3)
        axes[0].axhline(points.attrs["entries"], color="0.5", linestyle=":", linewidth=0.8)
        axes[0].text(0.52, points.attrs["entries"], "M D / 2, limit for all a", fontsize=6, va="bottom")
        axes[0].legend(title=r"cutoff $\gamma/t$; hollow: refused", fontsize=6, title_fontsize=6, loc="lower right")
        axes[0].set(xlabel="a (1: specialised, 1/2: mixed)", ylabel="coefficient")
        axes[0].set_title("lines: closed form; dots: MALA", fontsize=8)
        for look, case in zip(line_looks(drift.sizes["case"]), drift.case.values, strict=True):
            one = drift.sel(case=case)
            gaps = apart(one)
            axes[1].plot(one.block[1::2], 1e3 * (gaps - gaps[0]), label=case, **look)
            axes[2].plot(one.block, one.loss, label=case, **look)
        axes[1].set(
            xlabel="block", ylabel="gates apart, less the first, 1/1000", title="from a = 0.6, mean of both tasks"
        )
        axes[1].legend(fontsize=7)
        axes[2].set(xlabel="block", ylabel="loss at the end of the block", yscale="log", ylim=(1e-17, 0.1))
    return figure
