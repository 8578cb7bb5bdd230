"""How figure A1 is drawn."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.outcomes import on_batches
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a1.simulation import NUM_BLOCKS
from ntadyn.plotting.style import house_style, shade_blocks
from ntadyn.verification.laws import MODE_ENERGY


def draw(data: Data) -> Figure:
    """Loss, gates and magnitudes of the full model, the published toy, and the pair in modes."""
    full, toy = data["full"].isel(seed=0), data["toy"]
    edges, tasks = np.arange(NUM_BLOCKS + 1), np.arange(NUM_BLOCKS) % 2
    titles = ["full model, one seed", "toy, penalty as published"]
    titles += ["full in modes (lines), toy (dashed)"] * ("aligned" in data)
    with house_style():
        shape = (3, len(titles))
        figure, axes = plt.subplots(*shape, figsize=(2.95 * len(titles), 5.6), sharex=True, sharey="row")
        for ax in axes.flat:
            shade_blocks(ax, edges, tasks)
        _draw(axes[:, 0], full.time.values, full.loss.values, full.gates.values, full.magnitude.values)
        magnitude = np.linalg.norm(toy.weights.values, axis=-1)
        _draw(axes[:, 1], toy.time.values, MODE_ENERGY * toy.loss.values, toy.gates.values, magnitude)
        if "aligned" in data:
            _draw_aligned(axes[:, 2], data["aligned"])
        for ax, title in zip(axes[0], titles, strict=True):
            ax.set_title(title)
        for ax, label in zip(
            axes[:, 0], ("loss", "gates", "magnitude of student\n(units of the teacher)"), strict=True
        ):
            ax.set_ylabel(label)
        for ax in axes[-1]:
            ax.set(xlabel="time", xticks=range(0, NUM_BLOCKS + 1, 5))
        axes[0, 0].set_ylim(0, 0.58)
        handles = [Line2D([], [], color=f"C{path}", label=f"path {path + 1}") for path in range(2)]
        axes[2, 1].legend(handles=handles, loc="lower right", frameon=True, framealpha=0.8)
        for ax, letter in zip(axes.flat, "ABCDEFGHI", strict=False):
            ax.set_title(letter, loc="left", fontweight="bold")
        how = "batches of 200" if on_batches(data["full"]) else "population flow"
        figure.suptitle(f"full model: {how}; toy: flow; background: task in force", fontsize=8)
    return figure


def _draw_aligned(axes: Sequence[Axes], aligned: xr.Dataset) -> None:
    """The full model in colours, the toy dashed on top, and how far their gates are apart."""
    full, toy = aligned.sel(model="full"), aligned.sel(model="toy")
    _draw(axes, full.time.values, full.loss.values, full.gates.values, full.magnitude.values, loss_color="C1")
    _draw(axes, toy.time.values, toy.loss.values, toy.gates.values, toy.magnitude.values, dashed=True)
    apart = float(np.abs(full.gates.values - toy.gates.values).max())
    axes[2].text(0.97, 0.1, f"gates differ by\n{apart:.0e} at most", transform=axes[2].transAxes, ha="right")


def _draw(
    axes: Sequence[Axes],
    times: np.ndarray,
    loss: np.ndarray,
    gates: np.ndarray,
    magnitude: np.ndarray,
    *,
    loss_color: str = "black",
    dashed: bool = False,
) -> None:
    """Loss, gates, magnitudes of one model from top to bottom; in colours, or dashed in black."""
    style = (0, (2, 2)) if dashed else "-"
    axes[0].plot(times, loss, color=loss_color, linestyle=style, linewidth=1.0)
    for path in range(2):
        color = "black" if dashed else f"C{path}"
        for ax, values in ((axes[1], gates), (axes[2], magnitude)):
            ax.plot(times, values[:, path], color=color, linestyle=style, linewidth=1.0)
