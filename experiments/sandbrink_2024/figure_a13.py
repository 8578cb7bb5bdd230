"""Figure A13: the further teachers are from orthogonal, the slower a network adapts and the less it specialises.

Three runs of the same question. "published" and "released" are on batches, in the published steps and on the published
kind of teachers: the first reads the literal numbers as the older state of the code did that made the figure, the
second as the present one does. Both get the published measures. "improved" has the parameters of figure 2, teachers
whose matched rows have exactly the stated cosine, several of them, and measures that a forgetful network cannot pass.
Panel A of the article is a schematic.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.sandbrink_2024 import figure_a13_numbers as numbers
from experiments.sandbrink_2024.teacher_overlap import improved, published
from ntadyn.plotting.style import WIDTH, house_style

VERDICT = (
    "The trend is reproduced, the absolute speeds are not, and the published measure of specialisation does not "
    "measure it. In the older convention speed and specialisation fall with the overlap of teachers as in the "
    "picture. Speeds agree with another simulation of that convention, but the picture has 1.6 to 2.1 times as much; "
    "the state of the code that made it is not available, and it may have logged the loss without its factor 1/2. "
    "The published specialisation is the largest difference of two similarities in a running mean about one block "
    "long, over the whole run: the control, whose paths are rewritten in every block and keep nothing (dashed, zero "
    "throughout), scores as high as the network of the article, namely one minus the overlap. Measured over the last "
    "two blocks the network as published keeps 0.8 for orthogonal teachers, 0.24 at an overlap of one half and "
    "nothing at 0.75. Improved: with the parameters of figure 2 and teachers of exact overlap, specialisation that "
    "lasts falls from 0.94 (one network in twenty has not specialised yet) to 0.68, 0.44, 0.16 and 0, and recovery "
    "slows down with it, from 0.08 to 0.19 at an overlap of one half, in most repetitions (one in twenty misses a "
    "tenth of its peak in one of the last two blocks); at larger overlaps all of them miss it. The largest slopes "
    "fall from 13 to 0, within 30 % of another simulation but for one: at an overlap of 0.75 ours is 0.23 and that "
    "one's 0.45. Its slopes are of losses on batches of 100, whose noise adds to them, ours of the population. The "
    "published kind of teachers gives the same, but for one of its twenty repetitions that gets to a tenth at 0.75."
)

SPEED, SPECIALISATION = "black", "#8C8C8C"


@dataclass(frozen=True)
class Parameters:
    """What figure A13 is made of.

    Attributes:
        num_draws: repetitions of the published runs, each with teachers, initial weights and batches of its own (one in
            the article).
        num_teachers: draws of teachers of the improved run.
        num_initial: initial weights for each of them.
        seed: the seed that all keys are derived from.
    """

    num_draws: int = 10
    num_teachers: int = 4
    num_initial: int = 5
    seed: int = 0


PARAMETERS = Parameters()
FAST = Parameters(num_draws=4, num_teachers=2, num_initial=2)


def run(parameters: Parameters) -> Data:
    """Simulate.

    Args:
        parameters: what to run.

    Returns:
        "published" and "improved": scores over (variant, overlap, repetition), see `teacher_overlap`.
    """
    repetitions = [(draw, draw, draw) for draw in range(parameters.num_draws)]
    crossed = [(t, i, 0) for t in range(parameters.num_teachers) for i in range(parameters.num_initial)]
    with ThreadPoolExecutor(2) as pool:
        jobs = {
            "published": pool.submit(published, parameters.seed, repetitions),
            "improved": pool.submit(improved, parameters.seed, crossed),
        }
        return {name: job.result() for name, job in jobs.items()}


def online(parameters: Parameters) -> Parameters:
    """The same: the published runs are on batches in any case, and the improved one is a flow by intention."""
    return parameters


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A13 must show."""
    return numbers.accept(data["published"], data["improved"])


def plot(data: Data) -> Figure:
    """Panel B as published, for both readings of its parameters, and the improved one."""
    old, new = data["published"], data["improved"]
    with house_style():
        figure, axes = plt.subplots(1, 3, figsize=(1.75 * WIDTH, 3.0))
        for ax, name in zip(axes, ("published", "released"), strict=False):
            _draw_published(ax, old.sel(variant=name), with_image=name == "published")
        axes[0].set_title("as published")
        axes[1].set_title("control: released code")
        _draw_improved(axes[2], new)
        axes[2].set_title("improved")
        axes[0].set_title("B", loc="left", fontweight="bold")
        for ax in axes:
            ax.set(xlabel="overlap of teachers", xticks=numbers.OVERLAPS)
        seeds = old.sizes["repetition"], new.sizes["repetition"]
        figure.suptitle(
            f"black: speed, grey: specialisation; left and middle: batches, {seeds[0]} repetitions; right: population "
            f"flow, {seeds[1]}; bars: standard error",
            fontsize=8,
        )
    return figure


def _draw_published(ax: Axes, scores: xr.Dataset, with_image: bool) -> None:
    """Speed and specialisation as the published code measures them, what lasts of it, and what the article shows."""
    right = _right_axis(ax)
    _errorbar(ax, scores.published_speed, SPEED, "-o", "measured as published")
    _errorbar(right, scores.published_specialisation, SPECIALISATION, "-o")
    _errorbar(right, scores.specialisation, SPECIALISATION, "--s", "what lasts of it")
    ax.set(ylabel=r"largest $|dL/dt|$", ylim=(0, 32))
    if with_image:
        style = {"linestyle": "", "marker": "o", "markerfacecolor": "white", "markersize": 4, "zorder": 5}
        ax.plot(numbers.OVERLAPS, numbers.IMAGE_SPEED, color=SPEED, label="published picture", **style)
        right.plot(numbers.OVERLAPS, numbers.IMAGE_SPECIALISATION, color=SPECIALISATION, **style)
    lines = [*ax.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    right.legend(handles=lines, loc="upper right", borderaxespad=0.0, fontsize=6.5)


def _draw_improved(ax: Axes, scores: xr.Dataset) -> None:
    for variant, style, label in (("exact", "-o", "exact overlap"), ("published_kind", "--s", "published teachers")):
        chosen = scores.sel(variant=variant)
        _errorbar(ax, 1 / chosen.fall_time, SPEED, style, label)
    ax.set(ylabel="1 / time to a tenth of the peak", ylim=(0, 16))
    right = _right_axis(ax)
    for variant, style in (("exact", "-o"), ("published_kind", "--s")):
        _errorbar(right, scores.sel(variant=variant).specialisation, SPECIALISATION, style)
    ax.legend(loc="upper right", fontsize=6.5, borderaxespad=0.0)


def _right_axis(ax: Axes) -> Axes:
    right = ax.twinx()
    right.spines["right"].set_visible(True)
    right.set(ylim=(-0.03, 1.25))
    right.set_ylabel("specialisation", color=SPECIALISATION)
    return right


def _errorbar(ax: Axes, scores: xr.DataArray, color: str, style: str, label: str | None = None) -> None:
    mean = scores.mean("repetition").values
    sem = scores.std("repetition", ddof=1).values / np.sqrt(scores.sizes["repetition"])
    ax.errorbar(
        numbers.OVERLAPS, mean, sem, fmt=style, color=color, markersize=3.5, linewidth=1.2, capsize=2, label=label
    )
