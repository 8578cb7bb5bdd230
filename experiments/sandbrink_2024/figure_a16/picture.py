"""How figure A16 is drawn."""

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a16.simulation import NUM_BLOCKS
from ntadyn.plotting.style import band, house_style, shade_blocks
from ntadyn.verification.laws import MODE_ENERGY


def draw(data: Data) -> Figure:
    """Columns A and B as published, full and reduced model, and C with varied initial weights."""
    reduced = data["reduced"]
    columns = {
        "A": ("full model, one initial state", data["one_start"]),
        "B": ("reduced model", reduced),
        "C": ("full model, initial states varied", data["varied_start"]),
    }
    with house_style():
        figure, axes = plt.subplots(3, 3, figsize=(10.0, 6.0), sharex=True, sharey="row")
        for column, (letter, (title, dataset)) in enumerate(columns.items()):
            full = "seed" in dataset.dims
            one = dataset if full else dataset.sel(start="published").expand_dims("seed")
            for row, name in enumerate(("loss", "gates", "size")):
                ax = axes[row, column]
                shade_blocks(ax, dataset.attrs["edges"], dataset.attrs["block_tasks"])
                # The sizes of A3 are those of one seed, as published; a mean hides that they fluctuate.
                _draw(ax, one.isel(seed=slice(1)) if (name, letter) == ("size", "A") else one, name, full)
                ax.set_title(f"{letter}{row + 1}", loc="left", fontweight="bold")
            axes[0, column].set_title(title, loc="center")
            axes[2, column].set_xlabel("time")
        meant = reduced.sel(start="intended")
        for path, label in enumerate(("start as meant", None)):
            axes[1, 1].plot(
                meant.time.values, meant.gates.values[:, path], ":", color="black", linewidth=0.9, label=label
            )
        axes[1, 1].legend(loc="center right", frameon=True, framealpha=0.8)
        axes[1, 0].legend(loc="center right", frameon=True, framealpha=0.8)
        axes[0, 0].set(ylabel="loss", ylim=(0, 0.6), xticks=range(0, NUM_BLOCKS + 1, 5))
        axes[1, 0].set(ylabel="gate", ylim=(-0.2, 1.3))
        axes[2, 0].set(ylabel="largest singular value\n(units of the teacher)", ylim=(0, 1.35), xlim=(0, NUM_BLOCKS))
        count = data["one_start"].sizes["seed"]
        figure.suptitle(
            f"A, C: one sample per update, its loss, {count} seeds (A3: one), bands: standard error of the mean; B: "
            f"deterministic, its loss times {MODE_ENERGY}",
            fontsize=8,
        )
    return figure


def _draw(ax: Axes, dataset: xr.Dataset, name: str, full: bool) -> None:
    times = dataset.time.values
    if name == "loss":
        band(ax, times, dataset.loss.values, "black")
        if full:
            ax.plot(times, dataset.loss.values.mean(axis=0), ".", color="black", markersize=2)
        return
    for path in range(dataset.sizes["path"]):
        band(ax, times, dataset[name].isel(path=path).values, f"C{path}", f"path {path + 1}")
