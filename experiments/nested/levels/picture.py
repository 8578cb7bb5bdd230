"""How levels are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style

# Of the presets, those whose levels differ in kind.
SHOWN = (
    "figure-2-flexible",
    "figure-2-forgetful",
    "figure-6-flexible",
    "continual-ewc",
    "continual-replay-32",
    "contexts",
    "contexts-deep",
)
SHAPES = {"always": "o", "with every batch": "s", "once per block": "D"}
# Where levels without a rate are drawn, and the rate below which a level is none.
WITHOUT, STANDS_STILL = 0.05, 1e-3


def draw(data: Data) -> Figure:
    """Left, every level by how often and how fast it moves; right, the way to the slow manifold."""
    with house_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 3.9), width_ratios=(1.7, 1))
        _draw_levels(left, data["levels"])
        _draw_manifold(right, data["manifold"])
        for ax, letter in zip((left, right), "AB", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        figure.suptitle(
            "A: levels of learners that ship; B: population flow, continuous time, weight space", fontsize=8
        )
    return figure


def _draw_levels(ax: Axes, levels: xr.Dataset) -> None:
    """One line per learner; its levels from left to right by rate, with how often they move as the shape."""
    for place, preset in enumerate(SHOWN):
        rows = levels.isel(row=levels.preset.values == preset)
        names: dict[tuple[float, str], list[str]] = {}
        for name, moves, rate in zip(rows.level.values, rows.moves.values, rows.rate.values, strict=True):
            if np.isfinite(rate) and rate < STANDS_STILL:
                continue
            kind = "always" if np.isinf(moves) else "with every batch" if moves > 0 else "once per block"
            names.setdefault((rate if np.isfinite(rate) else WITHOUT, kind), []).append(str(name))
        for (rate, kind), several in names.items():
            ax.plot(rate, place, SHAPES[kind], color="C0", markersize=6)
            label = ", ".join(several)
            ax.annotate(label, (rate, place), (0, 6), textcoords="offset points", ha="center", fontsize=6)
    for kind, shape in SHAPES.items():
        ax.plot([], [], shape, color="C0", label=kind)
    ax.set(
        xscale="log", xlabel=f"rate, 1 / time constant (at {WITHOUT}: none)", yticks=range(len(SHOWN)),
        yticklabels=SHOWN, ylim=(len(SHOWN) - 0.4, -0.8), xlim=(0.02, 300),
    )  # fmt: skip
    ax.legend(loc="lower right", fontsize=6, title="moves", title_fontsize=6)


def _draw_manifold(ax: Axes, manifold: xr.Dataset) -> None:
    tau = manifold.tau.values
    for network, marker, color in zip(manifold.network.values.tolist(), "os", ("C0", "C1"), strict=True):
        ax.plot(tau, manifold.distance.sel(network=network), marker + "-", color=color, markersize=4, label=network)
    first = float(manifold.distance.max())
    ax.plot(tau, first * tau / tau[0], color="0.6", linestyle="--", label="order one")
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(tau, [f"{one:g}" for one in tau])
    ax.minorticks_off()
    ax.set(xlabel=r"$\tau_c$ ($\tau_W = 1$, block of 1)", ylabel="distance of the weights")
    ax.legend(loc="upper left")
