"""Loss, gates and similarity over time, with the blocks shaded."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.style import (
    WIDTH,
    band,
    house_style,
    legend_beside,
    line_looks,
    shade_blocks,
    task_handles,
)
from ntadyn.results.quantities import label_of

# Pairs that are not matched and get a line each; of more, the range is drawn.
MOST_OTHERS = 2


def draw_loss(ax: Axes, dataset: xr.Dataset) -> None:
    """Task loss, mean over repetitions with one standard error."""
    band(ax, dataset.time.values, dataset.loss.values, "black")
    ax.set_ylim(bottom=0)
    ax.set_ylabel(label_of("loss"))


def draw_gates(ax: Axes, dataset: xr.Dataset) -> None:
    """Gates of the paths, in the order of the teachers; mean over outputs if they are per neuron."""
    gates = dataset.gates.mean("output") if "output" in dataset.gates.dims else dataset.gates
    for index, look in enumerate(line_looks(dataset.sizes["path"])):
        band(ax, dataset.time.values, gates.isel(path=index).values, label=f"path {index + 1}", **look)
    ax.axhline(0, color="0.7", linewidth=0.6, zorder=-1)
    ax.set_ylabel(label_of("gates"))
    legend_beside(ax)


def draw_similarity(ax: Axes, dataset: xr.Dataset) -> None:
    """Cosines of teachers and paths: a line for every matched pair, their mean, and the range of all other pairs."""
    teachers, paths = (dataset.sizes[name] for name in ("teacher", "path"))
    similarity = dataset.similarity.transpose("seed", "record", "teacher", "path").values.mean(axis=0)
    matched = [(index, index) for index in range(min(int(dataset.attrs["num_base"]), teachers, paths))]
    others = [(m, p) for m in range(teachers) for p in range(paths) if (m, p) not in matched]
    single = others if len(others) <= MOST_OTHERS else []
    time = dataset.time.values
    for (m, p), look in zip([*matched, *single], line_looks(len(matched) + len(single)), strict=True):
        text = f"{dataset.teacher.values[m]}, path {p + 1}{'' if (m, p) in matched else ' (other)'}"
        ax.plot(time, similarity[:, m, p], label=text, **(look | {"color": line_looks(paths)[p]["color"]}))
    if len(others) > len(single):
        rest = similarity[:, [m for m, _ in others], [p for _, p in others]]
        # With edges, because a range may be as narrow as a line.
        look = {"facecolor": "0.5", "edgecolor": "0.4", "linewidth": 0.8, "alpha": 0.35, "zorder": -1}
        ax.fill_between(time, rest.min(axis=1), rest.max(axis=1), label=f"{len(others)} other pairs: range", **look)
    if len(matched) > 1:
        mean = np.mean([similarity[:, m, p] for m, p in matched], axis=0)
        ax.plot(time, mean, color="black", linewidth=0.8, linestyle=(0, (1, 3)), label=label_of("alignment"))
    ax.set_ylim(min(-0.1, float(similarity.min()) - 0.05), 1.05)
    ax.set_ylabel(label_of("similarity"))
    legend_beside(ax)


def trajectory_figure(dataset: xr.Dataset) -> Figure:
    """Three panels over time; repetitions that failed are left out and counted in the title.

    Args:
        dataset: a simulation, as `simulation_dataset` makes it.

    Returns:
        The figure.
    """
    number_of_all = dataset.sizes["seed"]
    own_tasks = "block_tasks" not in dataset.attrs
    if own_tasks:
        # Means over repetitions that have tasks of their own would show none of them.
        dataset = dataset.isel(seed=[int(np.argmin(dataset.result.values != 0))])
    ended_well = dataset.isel(seed=np.flatnonzero(dataset.result.values == 0))
    edges, tasks = np.atleast_1d(dataset.attrs["edges"]), _tasks_of_blocks(dataset)
    with house_style():
        figure, axes = plt.subplots(3, 1, figsize=(WIDTH + 1.0, 5.6), sharex=True)
        for ax, draw in zip(axes, (draw_loss, draw_gates, draw_similarity), strict=True):
            shade_blocks(ax, edges, tasks)
            if ended_well.sizes["seed"]:
                draw(ax, ended_well)
        axes[-1].set_xlabel("time (in the unit of the time constants)")
        seeds, failed = ended_well.sizes["seed"], dataset.sizes["seed"] - ended_well.sizes["seed"]
        number = f"mean of {seeds} repetition{'s' if seeds != 1 else ''}"
        number += f"; {failed} failed and are left out" if failed else ""
        if own_tasks:
            number = f"one of {number_of_all} repetitions, each with tasks of its own; {failed} failed"
        lines = [settings_title(dataset), f"{number}; paths sorted by the teacher that each ends up with"]
        figure.suptitle("\n".join(line for line in lines if line), fontsize=8)
        handles = task_handles([str(name) for name in dataset.teacher.values], tasks)
        if seeds > 1:
            handles.append(Patch(facecolor="0.4", alpha=0.4, label="mean ± standard error"))
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=7)
    return figure


def _tasks_of_blocks(dataset: xr.Dataset) -> np.ndarray:
    """The task of every block of the only repetition that is drawn, or of all."""
    if "block_tasks" in dataset.attrs:
        return np.atleast_1d(dataset.attrs["block_tasks"])
    first = np.unique(dataset.block.values, return_index=True)[1]
    return dataset.task.values[0, first]
