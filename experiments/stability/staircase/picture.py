"""How the staircase is drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """G(q) above its axis turned upright, Q of all runs over blocks, log mu over block durations and strengths."""
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.3), layout="constrained", width_ratios=(1, 1.5, 1.5))
        axes[1].sharey(axes[0])
        _draw_swing(axes[0], data)
        _draw_stairs(axes[1], data)
        growth = data["growth"]
        mesh = axes[2].pcolormesh(
            growth.strength, growth.block_duration, np.maximum(growth.log_mu, 1e-9),
            norm=LogNorm(max(1e-6, float(growth.log_mu.min())), float(growth.log_mu.max())), cmap="viridis",
            rasterized=True,
        )  # fmt: skip
        axes[2].set(
            xscale="log", yscale="log", xlabel=r"penalty strength $\lambda$", ylabel=r"block duration $\tau_B$",
            title="Growth of a difference of equal paths",
        )  # fmt: skip
        figure.colorbar(mesh, ax=axes[2], label=r"$\log\mu$ per block")
    return figure


def _draw_swing(ax: Axes, data: Data) -> None:
    stairs = data["staircase"]
    ax.plot(stairs.swing, stairs.of_q, color="C0")
    ax.axvline(1.0, color="0.4", linewidth=0.8)
    ax.axhspan(float(stairs.low), float(stairs.high), color="C0", alpha=0.15, linewidth=0)
    for name, place in (("low", 3), ("high", -11)):
        ax.plot(1, float(stairs[name]), "o", color="C1", markersize=4)
        ax.annotate(rf"$q_{{\mathrm{{{name}}}}}$", (1, float(stairs[name])), (6, place), textcoords="offset points")
    ax.set(
        yscale="log", xlabel=r"$G(q)$, largest $|c_1 - c_2|$", ylabel=r"$q = Q\,\tau_W/\tau_c$", title="Contact band"
    )


def _draw_stairs(ax: Axes, data: Data) -> None:
    stairs = data["staircase"]
    ax.axhspan(float(stairs.low), float(stairs.high), color="C0", alpha=0.15, linewidth=0)
    blocks = 2 * np.asarray(stairs.period)
    for seed in range(stairs.sizes["seed"]):
        ax.step(blocks, stairs.q.isel(seed=seed), where="post", linewidth=0.9, alpha=0.8, color="C3")
    ax.set(xscale="symlog", xlabel="block", title="Runs from small weights", xlim=(0, blocks[-1]))
    ax.label_outer()
