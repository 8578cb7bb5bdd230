"""How irregular curricula are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.beyond.irregular import numbers
from experiments.beyond.irregular.numbers import ALIGNED, specialised
from experiments.beyond.irregular.simulation import BINS, FOLLOWED, SHARES, STARTS
from experiments.harness.runs import Data
from ntadyn.plotting.style import house_style
from ntadyn.specs.irregular_presets import TRIAL

SHARE = "share specialised"


def draw(data: Data) -> Figure:
    """Above, the map and what a switch costs; below, what explains the map, and unequal shares."""
    with house_style():
        figure, axes = plt.subplots(2, 4, figsize=(12.4, 6.0), layout="constrained")
        _draw_map(figure, axes[0, 0], specialised(data["map"]), SHARE, 0.0)
        _draw_map(figure, axes[0, 1], data["map"].last_alignment, "mean total alignment", 0.5)
        _draw_adaptation(axes[0, 2], data["hazard"])
        _draw_censored(axes[0, 3], data["hazard"])
        _draw_gains(axes[1, 0], data["map"])
        _draw_caps(axes[1, 1], data["caps"], data["pairs"])
        _draw_long_blocks(axes[1, 2], data["long_blocks"])
        _draw_shares(axes[1, 3], data["shares"])
        figure.suptitle(
            f"population flow of overlaps, continuous time; {data['map'].sizes['seed']} repetitions (unequal shares: "
            f"{data['shares'].sizes['seed']}), each with teachers, start and sequence of its own; specialised: total "
            f"alignment above {ALIGNED}; bars: one standard error",
            fontsize=8,
        )
    return figure


def _draw_map(figure: Figure, ax: Axes, values: xr.DataArray, title: str, least: float) -> None:
    means = values.mean("seed").transpose("sequence_mean", "sequence_cv")
    found = ax.pcolormesh(
        means.sequence_cv, means.sequence_mean, means, shading="nearest", vmin=least, vmax=1.0, rasterized=True
    )
    figure.colorbar(found, ax=ax, pad=0.02)
    ax.set(
        yscale="log",
        xlabel="coefficient of variation",
        ylabel=r"mean block length / $\tau_W$",
        title=title,
        yticks=[0.1, 0.2, 0.4, 1.0],
        yticklabels=["0.1", "0.2", "0.4", "1"],
    )
    ax.minorticks_off()


def _draw_adaptation(ax: Axes, hazard: xr.Dataset) -> None:
    times = (hazard.adaptation_time / TRIAL).where(hazard.last_alignment > ALIGNED)
    _with_errors(ax, hazard.sequence_rate.values, times, color="C0", marker="o", label="mean of those not cut off")
    ax.plot(hazard.sequence_rate, numbers.trials_needed(hazard), "k_", markersize=9, label="in whole trials")
    ax.set(xscale="log", ylim=(0, None), xlabel="hazard per trial", ylabel="trials", title="time to adapt")
    ax.legend(fontsize=7, loc="lower left")


def _draw_censored(ax: Axes, hazard: xr.Dataset) -> None:
    rates, shares = hazard.sequence_rate.values, hazard.censored_share.where(hazard.last_alignment > ALIGNED)
    _with_errors(ax, rates, shares, color="C1", marker="s", linestyle="none", label="measured")
    needed = numbers.trials_needed(hazard).values
    three, own = ([numbers.censored(r, k) for r, k in zip(rates, ks, strict=True)] for ks in (needed * 0 + 3, needed))
    ax.plot(rates, three, color="black", label=r"$1-(1-H)^{k-1}$, $k=3$")
    ax.plot(rates, own, color="0.5", linestyle="--", label="k as measured")
    ax.set(xscale="log", xlabel="hazard per trial", title="switches not followed in time", ylabel="share")
    ax.legend(fontsize=7)


def _draw_gains(ax: Axes, sweep: xr.Dataset) -> None:
    names = [
        f"{low:g}-{high:g}" if np.isfinite(high) else f"> {low:g}" for low, high in zip(BINS, BINS[1:], strict=False)
    ]
    place = np.arange(len(names))
    for shift, name, color, label in (
        (-0.2, "gain_when_mixed", "C0", "mixed before"),
        (0.2, "gain_when_specialised", "C1", "specialised before"),
    ):
        found = numbers.gains(sweep, name)
        errors = np.nanstd(found, axis=1) / np.sqrt(found.shape[1])
        ax.bar(place + shift, np.nanmean(found, axis=1), width=0.4, yerr=errors, color=color, label=label)
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.set(xlabel=r"block length / $\tau_W$", title="change of contrast in a block")
    ax.set_xticks(place, names)
    ax.legend(fontsize=7)


def _draw_caps(ax: Axes, caps: xr.Dataset, pairs: xr.Dataset) -> None:
    for sweep, color, marker, label in (
        (caps, "C0", "o", "drawn one by one"),
        (pairs, "C1", "s", "in pairs of equal length"),
    ):
        _with_errors(ax, sweep.sequence_cap.values, specialised(sweep), color=color, marker=marker, label=label)
    ax.set(
        xscale="log",
        xlabel=r"longest block / $\tau_W$",
        ylabel=SHARE,
        title="irregular blocks (mean 0.2,\nCV 1.5), long ones cut",
        ylim=(-0.05, 1.05),
    )
    ax.legend(fontsize=7, loc="lower right")


def _draw_long_blocks(ax: Axes, sweep: xr.Dataset) -> None:
    for regular in sweep.sequence_regular.values.tolist():
        for start in STARTS:
            cell = sweep.sel(sequence_regular=regular, sequence_start=start)
            _with_errors(
                ax,
                sweep.sequence_number.values,
                specialised(cell),
                color="C0" if regular == FOLLOWED else "C1",
                marker="o" if start == STARTS[0] else "s",
                linestyle="-" if start == STARTS[0] else "--",
                label=f"among {regular:g}, from {start:g} on",
            )
    ax.set(
        xlabel="number of long blocks (length 1)",
        ylabel=SHARE,
        title="long blocks put into regular runs",
        ylim=(-0.05, 1.5),
        yticks=np.linspace(0, 1, 6),
    )
    ax.legend(fontsize=6.5, loc="upper center", ncols=2)


def _draw_shares(ax: Axes, sweep: xr.Dataset) -> None:
    _with_errors(ax, np.asarray(SHARES), specialised(sweep), color="C0", marker="o", label=SHARE)
    _with_errors(ax, np.asarray(SHARES), sweep.loss_of_frequent, color="C1", marker="s", label="loss, frequent task")
    _with_errors(ax, np.asarray(SHARES), sweep.loss_of_rare, color="C2", marker="^", label="loss, rare task")
    ax.set(xlabel="share of the first task", title="unequal shares, trials of 0.1", ylim=(-0.05, 1.05))
    ax.legend(fontsize=7)


def _with_errors(ax: Axes, x: np.ndarray, values: xr.DataArray, **look) -> None:
    """Means over repetitions, those without a value left out, and their standard errors."""
    array = values.transpose("seed", ...).values
    count = np.maximum(np.sum(np.isfinite(array), axis=0), 1)
    ax.errorbar(x, np.nanmean(array, axis=0), np.nanstd(array, axis=0) / np.sqrt(count), markersize=4, **look)
