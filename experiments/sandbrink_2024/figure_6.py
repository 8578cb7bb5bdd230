"""Figure 6: a fully connected network learns to gate. Its second layer switches with the task, its first layer stays.

Released parameters in the present convention, which made the published panels, on batches in the published steps. They
are as long as the time constant of the second layer, and it is for their length, not for their noise, that alignment
goes on to grow: dashes are the same steps without noise, dots the flow that they stand for. Panel A shows the first
repetition, with its units sorted by the published rule; panel B, beside the published alignment of the flexible
network, the forgetful one and the alignment under the optimal assignment of units.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.sandbrink_2024 import figure_6_numbers as numbers, two_layers
from experiments.sandbrink_2024.two_layer_panels import draw_second_layer
from experiments.sandbrink_2024.two_layers import Parameters
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, house_style

VERDICT = (
    "Reproduced with the released parameters: alignment over time, the gating of the second layer and the stillness "
    "of the first one agree with the published curve and with another simulation. What the article does not say is "
    "that it takes the published steps, which are as long as the time constant of the second layer. Without noise but"
    " in these steps the picture is the same; the gradient flow that they stand for stays at an alignment of about "
    "0.6 from the fifth block on (two integrators in small steps differ by up to 0.14 in single repetitions, and "
    "rise by no more than 0.03 after that). "
    "There, too, the second layer switches and the first one rests, but the units remain mixtures of teacher rows; it"
    " is overshooting steps that go on to sort them. In small steps the forgetful network also differs, its second "
    "layer rests and its first one is rewritten."
)

# How they are drawn.
WITHOUT_NOISE = {"steps": ("--", "no noise"), "flow": (":", "no noise,\nsmall steps")}

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, flow_seeds=0)


def run(parameters: Parameters) -> Data:
    """Flexible and forgetful networks, with noise and without, see `two_layers.run`."""
    return two_layers.run(parameters)


def online(parameters: Parameters) -> Parameters:
    """Batches only; they are what the panels show in any case."""
    return two_layers.batches_only(parameters)


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure 6 must show."""
    return numbers.accept(data)


def plot(data: Data) -> Figure:
    """The second layer after both tasks, and the alignment of the first one over time."""
    with house_style():
        figure = plt.figure(figsize=(7.0, 3.1))
        grid = figure.add_gridspec(2, 2, width_ratios=(1.0, 1.1))
        maps = two_layers.sorted_maps(data["flexible"])[0]
        left = [figure.add_subplot(grid[row, 0]) for row in range(2)]
        for ax, values, task in zip(left, maps, "AB", strict=True):
            mesh = draw_second_layer(ax, values)
            ax.set_ylabel(f"after task {task}")
        left[0].set_title("A", loc="left", fontweight="bold")
        left[0].set_title("second layer, sorted")
        left[1].set_xlabel("units matched with A | with B")
        figure.colorbar(mesh, ax=left, label="weight", ticks=(0, 0.25, 0.5), shrink=0.8)
        _draw_alignment(figure.add_subplot(grid[:, 1]), data)
        count = data["flexible"].sizes["seed"]
        figure.suptitle(f"batches of 200; A: one repetition, B: mean of {count}, band: standard error", fontsize=8)
    return figure


def _draw_alignment(ax: Axes, data: Data) -> None:
    for regime, color in (("forgetful", FORGETFUL), ("flexible", FLEXIBLE)):
        dataset = data[regime]
        band(ax, dataset.time.values, dataset.alignment.values, color, regime)
        for prefix, (style, text) in WITHOUT_NOISE.items():
            if f"{prefix}_{regime}" in data:
                exact = data[f"{prefix}_{regime}"]
                label = text if regime == "flexible" else None
                mean = np.mean(exact.alignment.values, axis=0)
                ax.plot(exact.time.values, mean, style, color=color, label=label, linewidth=1.0)
    flexible = data["flexible"]
    optimal = np.mean(flexible.optimal_alignment.values, axis=0)
    ax.plot(flexible.time.values, optimal, color="C0", linewidth=1.0, label="optimal\nassignment")
    ax.set(ylim=(0, 1), xlim=(0, flexible.time.values[-1]), xlabel="time", ylabel="total alignment")
    ax.set_title("B", loc="left", fontweight="bold")
    ax.legend(loc="lower right", fontsize=7, ncols=2)
