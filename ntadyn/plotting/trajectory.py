"""Loss, gates and alignment over time, with the blocks shaded."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntadyn.plotting.style import WIDTH, band, house_style, legend_beside, shade_blocks


def draw_loss(ax: Axes, dataset: xr.Dataset) -> None:
    """Task loss, mean over repetitions with one standard error."""
    band(ax, dataset.time.values, dataset.loss.values, "black")
    ax.set_ylim(bottom=0)
    ax.set_ylabel("loss")


def draw_gates(ax: Axes, dataset: xr.Dataset) -> None:
    """Gates of the paths, in the order of the teachers; mean over outputs if they are per neuron."""
    gates = dataset.gates.mean("output") if "output" in dataset.gates.dims else dataset.gates
    colours = len(plt.rcParams["axes.prop_cycle"])
    for index in range(dataset.sizes["path"]):
        style = ("-", "--", "-.", ":")[index // colours % 4]
        band(ax, dataset.time.values, gates.isel(path=index).values, f"C{index}", f"path {index + 1}", style)
    ax.axhline(0, color="0.7", linewidth=0.6, zorder=-1)
    ax.set_ylabel("gate")
    legend_beside(ax)


def draw_alignment(ax: Axes, dataset: xr.Dataset) -> None:
    """Cosine of every teacher with every path: solid for assigned pairs, dashed for the others."""
    teachers = [str(name) for name in dataset.teacher.values]
    for m, name in enumerate(teachers):
        for p in range(dataset.sizes["path"]):
            values = dataset.similarity.isel(teacher=m, path=p).values
            # Paths are told apart by colour, and so are the teachers of one colour by their dashes.
            others = ("--", ":", "-.")[((m - p) % len(teachers) - 1) % 3]
            style = "-" if m == p < int(dataset.attrs["num_base"]) else others
            label = f"{name}, path {p + 1}"
            ax.plot(dataset.time.values, values.mean(axis=0), style, color=f"C{p}", label=label)
    ax.set_ylim(min(-0.1, float(dataset.similarity.mean("seed").min()) - 0.05), 1.05)
    ax.set_ylabel("alignment")
    legend_beside(ax)


def trajectory_figure(dataset: xr.Dataset) -> Figure:
    """Three panels over time; repetitions that failed are left out and counted in the title.

    Args:
        dataset: a simulation, as `simulation_dataset` makes it.

    Returns:
        The figure.
    """
    finished = dataset.isel(seed=np.flatnonzero(dataset.result.values == 0))
    with house_style():
        figure, axes = plt.subplots(3, 1, figsize=(WIDTH + 1.0, 5.2), sharex=True)
        for ax, draw in zip(axes, (draw_loss, draw_gates, draw_alignment), strict=True):
            shade_blocks(ax, np.asarray(dataset.attrs["edges"]), np.asarray(dataset.attrs["block_tasks"]))
            if finished.sizes["seed"]:
                draw(ax, finished)
        axes[-1].set_xlabel("time (in the unit of the time constants)")
        seeds, failed = finished.sizes["seed"], dataset.sizes["seed"] - finished.sizes["seed"]
        title = f"mean of {seeds} repetition{'s' if seeds != 1 else ''}, band: standard error; background: task"
        title += f"; {failed} failed and left out" if failed else ""
        figure.suptitle(f"{title}\npaths in the order of the teachers that they end up with", fontsize=8)
    return figure
