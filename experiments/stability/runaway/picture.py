"""How the measures along the runaway are drawn."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from ntadyn.plotting.style import DASHES, house_style

CUTOFFS = (0.03, 0.001)  # the coarsest and the finest


def draw(data: Data) -> Figure:
    """Distances of paths; gates of both tasks; coefficients beside effective dimensions; and graphs."""
    found = data["runaway"]
    with house_style():
        figure, axes = plt.subplots(1, 4, figsize=(12.0, 3.0), layout="constrained")
        for index, case in enumerate(found.case.values):
            one, look = found.sel(case=case), {"color": f"C{index}", "linestyle": DASHES[index], "marker": "os^"[index]}
            axes[0].plot(one.block, one.apart, label=case, markersize=3, **look)
            axes[3].plot(one.block, one.neuron_modularity, label=f"{case}, paths", markersize=3, **look)
            axes[3].plot(one.block, one.modularity, label="Interaction Basis", alpha=0.45, markersize=3, **look)
            for cutoff, face in zip(CUTOFFS, (f"C{index}", "white"), strict=True):
                at = one.sel(cutoff=cutoff)
                axes[2].plot(one.block, at.laplace, color=f"C{index}", linestyle=DASHES[index], linewidth=0.9)
                style = {"color": f"C{index}", "marker": "os^"[index], "markerfacecolor": face, "markersize": 4}
                ok = at.trusted.values.astype(bool)
                axes[2].errorbar(one.block[ok], at.value[ok], at.error[ok], linestyle="", label=f"{case}, {cutoff:g}",
                                 **style)  # fmt: skip
        away = found.sel(case="runaway")
        for task, name in enumerate("AB"):
            for path in range(2):
                style = {"color": f"C{path}", "linestyle": DASHES[task], "marker": "os"[task], "markersize": 3}
                axes[1].plot(
                    away.block, away.gates.isel(task=task, path=path), label=f"path {path + 1}, {name}", **style
                )
        axes[2].axhline(2.0, color="0.6", linestyle=":", linewidth=0.8)
        for ax, label, title in zip(
            axes,
            (r"$|W^1 - W^2|$", "gate", "coefficient", "modularity of tasks"),
            ("distance of paths", "runaway: gates of both tasks", "dots: MALA; lines: effective dim.", "graph"),
            strict=True,
        ):
            ax.set(xlabel="block", ylabel=label)
            ax.set_xscale("symlog", linthresh=4, linscale=0.5)
            ax.set_xticks([0, 4, 100, 1000], ["0", "4", "100", "1000"])
            ax.minorticks_off()
            ax.set_title(title, fontsize=9)
            ax.legend(fontsize=6)
    return figure
