"""Supplement to figure 3: the alignment beside the loss, which falls fast whether or not paths match teachers.

The runs of figure 3 from beginning to end: released parameters in the present convention. Task composition asks for
less than specialisation: any paths between which all teachers lie answer base tasks and composites alike without error.
Subtask composition brings every row to its teacher.
"""

from concurrent.futures import ThreadPoolExecutor

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.sandbrink_2024 import figure_3, figure_3_alignment_numbers as numbers
from experiments.sandbrink_2024.blocks import at_end, fall_time
from experiments.sandbrink_2024.composition import FIRST_COMPOSITE, SHOWN_BLOCKS
from experiments.sandbrink_2024.figure_3 import (
    PARAMETERS as PARAMETERS,
    Parameters,
    both,
    configurations,
    online as online,
)
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, house_style

VERDICT = (
    "A supplement, and a caution about what panel C of figure 3 means. With subtask composition every row finds its "
    "teacher (alignment 0.98). With task composition the loss vanishes before the first composite, and yet alignment "
    "with the teachers is 0.78 in the mean, between 0.6 and 0.99, and falling slowly; one repetition in thirty "
    "specialises. Nonnegative gates of unit sum ask only that all teachers lie between the paths. Alignment is not "
    "what makes adaptation fast: among flexible networks the better aligned ones are slower (rank correlation +0.94), "
    "because paths that lie further out than the teachers are larger (norm of all weights 1.45, against 0.95 for "
    "perfect students; rank correlation with alignment -0.96), and gates move the faster the larger the paths are. In "
    "the older convention, see figure A12, the same task sequence does specialise. Every number that is demanded "
    "agrees with another simulation. The alignment of 0.64 that it states for the forgetful network of subtask "
    "composition, without saying when, is that of the end of the run (0.62); before the first composite, when all rows "
    "follow one task, ours is 0.40. Extremes over seeds depend on how many there are; the lowest alignment before the "
    "composites is demanded, because it is known for as many seeds as ours, the others are reported."
)

FAST = figure_3.FAST
RECORDS_PER_BLOCK = 32
NAMES = ("task", "subtask")


def run(parameters: Parameters) -> Data:
    """Simulate what figure 3 shows a part of.

    Args:
        parameters: those of figure 3.

    Returns:
        "task" and "subtask", each followed by "_flexible" and "_forgetful".
    """
    chosen = {name: item for name, item in configurations(parameters).items() if name in NAMES}
    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(both, configuration, RECORDS_PER_BLOCK) for name, configuration in chosen.items()}
        return {
            f"{name}_{regime}": _kept(dataset) for name, job in jobs.items() for regime, dataset in job.result().items()
        }


def _kept(dataset: xr.Dataset) -> xr.Dataset:
    """Without the similarities to composites and the gates under the published sorting rule."""
    kept = dataset.drop_vars("published_gates", errors="ignore")
    return kept.isel(teacher=slice(dataset.attrs["num_base"]))


def accept(data: Data) -> list[Acceptance]:
    """What the loss of figure 3 does not show."""
    return numbers.accept(data)


def plot(data: Data) -> Figure:
    """Loss and alignment over the whole course, and both for every repetition; one row per kind of composition."""
    with house_style():
        figure, axes = plt.subplots(2, 3, figsize=(8.6, 4.6))
        for row, name in zip(axes, NAMES, strict=True):
            pair = {regime: data[f"{name}_{regime}"] for regime in ("forgetful", "flexible")}
            _draw_course(row[0], pair, "loss")
            row[0].set(ylim=(0, 0.32), ylabel="loss")
            row[0].set_title(f"{name} composition")
            _draw_course(row[1], pair, "alignment")
            for values in pair["flexible"].alignment.values[:20]:
                row[1].plot(pair["flexible"].time.values, values, color=FLEXIBLE, linewidth=0.3, alpha=0.35)
            row[1].set(ylim=(-0.05, 1.05), ylabel="alignment with base teachers")
            _draw_seeds(row[2], pair)
        for ax, letter in zip(axes.flat, "ABCDEF", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        thin = Line2D([], [], color=FLEXIBLE, linewidth=0.4, label="flexible, one repetition")
        axes[0, 1].legend(handles=[thin], loc="lower right")
        axes[0, 2].legend(loc="upper right")
        seeds = [data[f"{name}_flexible"].sizes["seed"] for name in NAMES]
        figure.suptitle(
            f"{seeds[0]} and {seeds[1]} repetitions; bands: standard error; dashed: first composite task", fontsize=8
        )
    return figure


def _draw_course(ax: Axes, pair: Data, name: str) -> None:
    for regime, dataset in pair.items():
        band(ax, dataset.time.values, dataset[name].values, FLEXIBLE if regime == "flexible" else FORGETFUL, regime)
        ax.lines[-1].set_linewidth(0.9)
    ax.axvline(FIRST_COMPOSITE, color="0.3", linewidth=0.8, linestyle=(0, (4, 3)))
    ax.set(xlim=(0, SHOWN_BLOCKS), xlabel="time")


def _draw_seeds(ax: Axes, pair: Data) -> None:
    """Alignment before the first composite against the time in which its loss falls to a tenth."""
    for regime, dataset in pair.items():
        alignment, time = at_end(dataset.alignment, FIRST_COMPOSITE - 1), fall_time(dataset, FIRST_COMPOSITE)
        color, marker = (FLEXIBLE, "o") if regime == "flexible" else (FORGETFUL, "s")
        ax.scatter(alignment, time, s=12, color=color, marker=marker, alpha=0.6, linewidths=0, label=regime)
    ax.set(xlim=(0.25, 1.02), ylim=(0.01, 1), yscale="log", xlabel="alignment before the first composite")
    ax.set_ylabel("time to a tenth\nof its loss")
    ax.set_yticks([0.01, 0.1, 1.0], ["0.01", "0.1", "1"])
