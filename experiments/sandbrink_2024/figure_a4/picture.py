"""How figure A4 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, WIDTH, band, house_style, shade_blocks


def draw(data: Data) -> Figure:
    """Five panels over time, the task in force behind them."""
    flexible = data["flexible"]
    with house_style():
        figure, axes = plt.subplots(5, 1, figsize=(WIDTH + 0.8, 7.4), sharex=True)
        for ax, letter in zip(axes, "ABCDE", strict=True):
            shade_blocks(ax, flexible.attrs["edges"], flexible.attrs["block_tasks"])
            ax.set_title(letter, loc="left", fontweight="bold")
        _draw_loss(axes[0], data)
        _draw_gates(axes[1], flexible)
        _draw_similarity(axes[2], flexible)
        _line(axes[3], flexible, "alignment", FLEXIBLE)
        axes[3].set(ylabel="total alignment", ylim=(0, 1))
        for name, color, label in (("change_1", "black", "first layer"), ("change_2", "C5", "second layer")):
            _line(axes[4], flexible, name, color, label)
        axes[4].set(ylabel=r"$\Vert\Delta W\Vert$ per update", xlabel="time", ylim=(0, None))
        for ax in (axes[0], axes[1], axes[2], axes[4]):
            ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        count = flexible.sizes["seed"]
        figure.suptitle(
            f"batches of 200, mean of {count} repetitions, band: standard error; background: task", fontsize=8
        )
    return figure


def _line(ax: Axes, dataset: xr.Dataset, name: str, color: str, label: str | None = None) -> None:
    band(ax, dataset.time.values, dataset[name].values, color, label)
    ax.lines[-1].set_linewidth(0.9)


def _draw_loss(ax: Axes, data: Data) -> None:
    _line(ax, data["forgetful"], "loss", FORGETFUL, "forgetful")
    _line(ax, data["flexible"], "loss", FLEXIBLE, "flexible")
    if "flow_flexible" in data:
        flow = data["flow_flexible"]
        mean = np.mean(flow.loss.values, axis=0)
        ax.plot(flow.time.values, mean, ":", color="C0", linewidth=0.9, label="flexible,\nsmall steps,\nno noise")
    ax.set(ylim=(0, 1), ylabel="loss")


def _draw_gates(ax: Axes, dataset: xr.Dataset) -> None:
    for path, teacher in enumerate(dataset.teacher.values):
        gates = dataset.isel(path=path)
        _line(ax, gates, "mean_gates", f"C{path}", f"units of {teacher}")
    ax.set(ylim=(0, 0.15), ylabel="mean gate")


def _draw_similarity(ax: Axes, dataset: xr.Dataset) -> None:
    """Solid for a teacher with its own units, dashed with those of the other one; thin: optimal assignment."""
    for teacher, name in enumerate(dataset.teacher.values):
        for path, units in enumerate(dataset.teacher.values):
            pair = dataset.isel(teacher=teacher, path=path)
            style = "-" if teacher == path else "--"
            mean, best = (pair[item].mean("seed").values for item in ("similarity", "optimal_similarity"))
            ax.plot(pair.time.values, mean, style, color=f"C{path}", linewidth=1.2, label=f"{name}, units of {units}")
            ax.plot(pair.time.values, best, style, color=f"C{path}", linewidth=0.5)
    ax.plot([], [], color="0.4", linewidth=0.5, label="optimal assignment")
    ax.set(ylim=(-0.1, 1), ylabel="similarity")
