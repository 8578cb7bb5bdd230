"""Pictures of designed curricula: what each scores on seeds that did not choose it, and how long its blocks are."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.style import TASK_TINTS, WIDTH, house_style

LOOKS = {"constant": ("o", "0.4", "-"), "gradient": ("s", "C0", "-"), "no gradient": ("^", "C1", "--")}
APART = 0.08


def draw_scores(ax: Axes, dataset: xr.Dataset) -> None:
    """Mean scores over test seeds with standard errors, over the number of blocks.

    Args:
        ax: where to draw.
        dataset: from `specs.curriculum_design.designed_curricula`.
    """
    for index, method in enumerate(dataset.search.values):
        marker, color, line = LOOKS.get(str(method), ("d", f"C{index}", ":"))
        score = dataset.score.sel(search=method)
        count = score.notnull().sum("seed")
        ax.errorbar(
            dataset.number + APART * (index - 1), score.mean("seed"), score.std("seed", ddof=1) / np.sqrt(count),
            fmt=marker, linestyle=line, color=color, markersize=4, capsize=2, label=str(method),
        )  # fmt: skip
    ax.set(xlabel="blocks of training", ylabel="contrast after the test phase", title="Test seeds")
    ax.set_xticks(dataset.number.values)
    ax.legend(fontsize=7)


def draw_lengths(ax: Axes, dataset: xr.Dataset) -> None:
    """The best curriculum of every method as a bar of blocks, in the colours of their tasks.

    Args:
        ax: where to draw.
        dataset: from `specs.curriculum_design.designed_curricula`.
    """
    methods = [str(method) for method in dataset.search.values]
    for place, method in enumerate(methods):
        one = dataset.sel(search=method)
        best = one.isel(number=int(np.nanargmax(one.training_score.values)))
        lengths = best.length.values[np.isfinite(best.length.values)]
        edges = np.concatenate([[0.0], np.cumsum(lengths)])
        for block, length in enumerate(lengths):
            tint = TASK_TINTS[block % 2]
            ax.barh(place, length, left=edges[block], color=tint, edgecolor="0.3", linewidth=0.7, height=0.6)
            if length > 0.06 * edges[-1]:
                ax.text(edges[block] + length / 2, place, f"{length:.2f}", ha="center", va="center", fontsize=7)
    ax.set_yticks(range(len(methods)), methods)
    ax.invert_yaxis()
    ax.set(xlabel="time of training", title="Best of each, as chosen in training")


def curricula_figure(dataset: xr.Dataset) -> Figure:
    """Scores and lengths side by side.

    Args:
        dataset: from `specs.curriculum_design.designed_curricula`.
    """
    with house_style():
        figure, axes = plt.subplots(1, 2, figsize=(1.6 * WIDTH, 3.1), layout="constrained")
        draw_scores(axes[0], dataset)
        draw_lengths(axes[1], dataset)
        figure.suptitle(settings_title(dataset), fontsize=8)
    return figure
