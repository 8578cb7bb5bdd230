"""How figure 7 is drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.numbers.images import sorted_gates
from experiments.sandbrink_2024.panels.images import caption, draw_accuracy, draw_gates
from experiments.sandbrink_2024.runs.images import FLEXIBLE, FLEXIBLE_L1, MAPS
from ntadyn.plotting.style import TASK_TINTS, house_style


def draw(data: Data) -> Figure:
    """The tasks, the network, accuracy on the task in force, and the gates of the flexible networks."""
    features, readouts = data["features"], data["parity"]
    with house_style():
        figure, axes = plt.subplots(2, 2, figsize=(8.6, 4.9), height_ratios=(1, 2.1))
        _draw_tasks(axes[0, 0], features.example.values)
        _draw_network(axes[0, 1], int(features.attrs["num_features"]))
        draw_accuracy(axes[1, 0], readouts)
        axes[1, 0].legend(loc="lower center", ncols=3, bbox_to_anchor=(0.5, 1.0), borderpad=0)
        draw_gates(axes[1, 1], readouts, {regime: sorted_gates(readouts, regime) for regime in (FLEXIBLE, FLEXIBLE_L1)})
        axes[1, 1].legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0), borderpad=0)
        for ax, letter in zip(axes.flat, "ABCD", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        figure.suptitle(caption(features, readouts), fontsize=8)
    return figure


def _draw_tasks(ax: Axes, examples: np.ndarray) -> None:
    """An image of every class, and its name in both tasks."""
    number = len(examples)
    ax.imshow(np.concatenate(list(examples), axis=1), cmap="gray_r", extent=(0, number, 0, 1), vmin=0, vmax=1)
    for row, (name, naming) in enumerate((("A", range(number)), ("B", MAPS["parity"]))):
        below = -0.55 - 0.8 * row
        ax.axhspan(below - 0.38, below + 0.38, color=TASK_TINTS[row], linewidth=0)
        ax.text(-0.2, below, f"task {name}", ha="right", va="center")
        for place, label in enumerate(naming):
            ax.text(place + 0.5, below, str(label), ha="center", va="center")
    ax.set(xlim=(-1.6, number), ylim=(-1.8, 1), aspect="equal")
    ax.axis("off")
    ax.set_title("two names for every class")


def _draw_network(ax: Axes, num_features: int) -> None:
    """From an image to a class, in boxes."""
    boxes = (
        (0.0, 0.5, "image"),
        (0.27, 0.5, "convolution,\n2 layers\n(frozen)"),
        (0.575, 0.5, f"{num_features}\nfeatures"),
        (0.8, 0.85, "$c_1W^1$"),
        (0.8, 0.15, "$c_2W^2$"),
        (1.02, 0.5, "class"),
    )
    places = [
        ax.text(
            x, y, text, ha="center", va="center", bbox={"boxstyle": "round", "facecolor": "white", "linewidth": 0.8}
        )
        for x, y, text in boxes
    ]
    for start, end in ((0, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 5)):
        ax.annotate(
            "",
            boxes[end][:2],
            boxes[start][:2],
            arrowprops={
                "arrowstyle": "->",
                "linewidth": 0.8,
                "patchA": places[start].get_bbox_patch(),
                "patchB": places[end].get_bbox_patch(),
            },
        )
    ax.set(xlim=(-0.08, 1.1), ylim=(-0.1, 1.1))
    ax.axis("off")
    ax.set_title("what learns: gates c and weights W")
