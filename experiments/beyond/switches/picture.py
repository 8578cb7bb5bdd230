"""How the maps and the cures are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.beyond.switches import numbers
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """A row of maps from small and one from usual initial weights; below, softmax gates."""
    small = data["small"]
    columns = small.sizes["weight_rate"]
    with house_style():
        figure = plt.figure(figsize=(max(2.5 * columns + 1.2, 8.0), 8.2))
        parts = np.ravel(np.asarray(figure.subfigures(3, 1, height_ratios=(1, 1, 1.05))))
        for part, name in zip(parts, numbers.TITLES, strict=False):
            cells = data[name]
            axes = np.ravel(part.subplots(1, columns, sharey=True, squeeze=False))
            gain = numbers.advantage(cells)
            drawn = None
            for ax, rate in zip(axes, cells.weight_rate.values, strict=True):
                drawn = _draw_map(ax, cells.sel(weight_rate=[rate]), gain.sel(weight_rate=rate))
                ax.set_title(f"{numbers.TITLES[name]}, $\\eta_W$ = {rate:g}", fontsize=8)
            axes[0].set_ylabel("length of a block")
            part.colorbar(drawn, ax=list(axes), label="partner's steps\nover its own", pad=0.01)
        left, right = parts[2].subplots(1, 2, width_ratios=(1.35, 1))
        _draw_cures(left, data["softmax"])
        _draw_floor(right, data["softmax"])
        figure.suptitle(
            "dots: the open path changes from block to block; crosses: no advantage over the forgetful partner (< "
            f"{numbers.ADVANTAGE:g}); grey: neither finds its tasks again; hatched: the penalty forbids such steps; "
            f"{small.sizes['seed']} repetitions",
            fontsize=7,
        )
    return figure


def _draw_map(ax: Axes, cells: xr.Dataset, gain: xr.DataArray):
    ratio, length = gain.ratio.values, gain.length.values
    run = numbers.is_run(cells).isel(weight_rate=0).transpose("length", "ratio").values
    does = numbers.switches(cells).isel(weight_rate=0).transpose("length", "ratio").values
    values = gain.transpose("length", "ratio").values
    ax.set_facecolor("0.85")
    drawn = ax.pcolormesh(
        np.arange(len(ratio)), np.arange(len(length)), np.where(run, values, np.nan),
        shading="nearest", cmap="cividis", norm=LogNorm(1, 30), rasterized=True,
    )  # fmt: skip
    for row in range(len(length)):
        for column in range(len(ratio)):
            if not run[row, column]:
                corner = (column - 0.5, row - 0.5)
                ax.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="////", linewidth=0, edgecolor="0.5"))
                continue
            color = "white" if not values[row, column] > 8 else "black"
            if does[row, column]:
                ax.plot(column, row, "o", markersize=3, color=color)
            if values[row, column] < numbers.ADVANTAGE:
                ax.plot(column, row, "x", markersize=7, color="C1")
    ax.set(
        xlabel=r"$\eta_c / \eta_W$",
        xticks=range(len(ratio)),
        xticklabels=[f"{value:g}" for value in ratio],
        yticks=range(len(length)),
        yticklabels=[f"{value:g}" for value in length],
        xlim=(-0.5, len(ratio) - 0.5),
        ylim=(-0.5, len(length) - 0.5),
    )
    return drawn


def _draw_cures(ax: Axes, found: xr.Dataset) -> None:
    for row, name in enumerate(found.cure.values):
        values = np.maximum(found.steps.sel(cure=name).values, 1)
        switching = float(found.switching.sel(cure=name).mean())
        ax.plot(values, np.full(len(values), row), "o", markersize=3, color="C0" if switching >= 0.75 else "C1")
    for name, color, label in (("partner_steps", "0.45", "forgetful"), ("flexible_steps", "black", "flexible")):
        ax.axvline(float(found[name].mean()), color=color, linestyle="--", linewidth=0.9, label=label)
    ax.set(xscale="log", xlabel="steps until found again (blue: switches, orange: does not)", title="softmax gates")
    ax.set_yticks(range(found.sizes["cure"]), [str(name) for name in found.cure.values], fontsize=5.5)
    ax.invert_yaxis()
    ax.legend(loc="lower right", fontsize=6)


def _draw_floor(ax: Axes, found: xr.Dataset) -> None:
    """What a cure costs: the loss that is left at the ends of blocks."""
    for name in found.cure.values:
        one = found.sel(cure=name)
        switching = float(one.switching.mean())
        label = str(name) if name in ("none", "T = 5", "floor 0.2, k 1", "floor 0.4, k 1", "floor 0.6, k 3") else ""
        at = float(np.exp(np.log(np.maximum(one.steps, 1)).mean())), float(one.loss.mean())
        ax.plot(*at, "o", markersize=4, color="C0" if switching >= 0.75 else "C1")
        if label:
            ax.annotate(label, at, textcoords="offset points", xytext=(5, 4), fontsize=6)
    ax.set(
        xscale="log", yscale="log", xlim=(2, 400), xlabel="steps until found again",
        ylabel="loss at ends of blocks\nover that of silence", title="speed, and what it costs",
    )  # fmt: skip
