"""How free energies are drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.degeneracy.e6_free_energy.numbers import advantages
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

COLORS = ("C2", "C0", "C1", "C3")


def draw(data: Data) -> Figure:
    """Differences of free energies over samples with the exact one and its crossing; coefficients that make them."""
    found = data["free energies"]
    fine = np.geomspace(found.samples.values[0], found.samples.values[-1], 200)
    loss, exact = found.loss.values, found.exact.values
    with house_style():
        figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
        axes[0].plot(fine, fine * (loss[1] - loss[0]) + np.log(fine) * (exact[1] - exact[0]), "k", label="exact")
        axes[0].axvline(float(found.crossing[0]), color="0.5", linewidth=0.8, linestyle=":")
        axes[0].axhline(0, color="0.7", linewidth=0.7)
        energies = advantages(found, found.value)
        ok = found.trusted.astype(bool).all("solution")
        for color, localisation in zip(COLORS, found.localisation.values, strict=True):
            at = {"localisation": localisation}
            axes[0].plot(found.samples, energies.sel(at).mean("seed"), color=color, linewidth=0.8)
            for trusted, face in ((True, color), (False, "white")):
                for seed in found.seed.values:
                    chosen = ok.sel(at).sel(seed=seed).values == trusted
                    axes[0].plot(found.samples[chosen], energies.sel(at).sel(seed=seed)[chosen], "o", color=color,
                                 markerfacecolor=face, markersize=3)  # fmt: skip
            axes[0].plot([], [], "o-", color=color, markersize=3, label=f"{localisation:g}")
            for solution, line in (("flexible", "-"), ("forgetful", "--")):
                mean = found.value.sel(at).sel(solution=solution).mean("seed")
                axes[1].plot(found.samples, mean, line, color=color, label=f"{solution}, {localisation:g}")
        for value in exact:
            axes[1].axhline(value, color="0.6", linewidth=0.8, linestyle=":")
        axes[0].set(xscale="log", xlabel="samples n", ylabel="free energy, forgetful less flexible", ylim=(-80, 200))
        axes[0].legend(title=r"localisation $\gamma$; hollow: refused", title_fontsize=6, fontsize=6)
        axes[1].set(xscale="log", xlabel="samples n", ylabel=r"coefficient at $t = n / \log n$")
        axes[1].legend(fontsize=6, ncols=2)
    return figure
