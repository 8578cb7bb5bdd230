"""Figure A14: from composite tasks alone, the paths find the base tasks that were never shown.

The published panels were made with an older state of the code: "published" reads the literal numbers as that state
did, translated exactly, and shows losses in its units. "released" reads the same numbers in the present convention, in
which the network is forgetful; it stands beside as a negative control. Population flow; panel A is a schematic.
"""

import dataclasses
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.harness.outcomes import on_batches as is_on_batches
from experiments.sandbrink_2024 import figure_a14_numbers as numbers
from experiments.sandbrink_2024.composition import (
    as_published,
    composites_only,
    loss_scale,
    on_batches,
    seeded,
    simulate,
)
from experiments.sandbrink_2024.composition_panels import (
    draw_gates,
    draw_loss,
    draw_similarity,
    legend_of_similarity,
    legend_of_tasks,
    shade,
)
from ntadyn.plotting.style import house_style

VERDICT = (
    "Reproduced in the older convention, in which the published panels were made, and not with the released "
    "parameters read literally. As published: shown composites only, the paths turn to the base teachers, to a "
    "similarity of 0.96 after fifty blocks, and the two gates in use approach one half from 0.7 and 0.3. Both are "
    "slow and not finished, and two repetitions in twenty still stand at 0.72. One number is outside: the largest "
    "mean similarity of a path to another base teacher is 0.18 at the end, where the picture stays below 0.12 (0.13 "
    "without the two that are not specialised); the three large ones, which still fall, are those of A with the path "
    "of B, of B with that of C and of C with that of A, the other three are slightly negative, and why the picture "
    "has less is not known. Released: the gates stay at one third each, every path is a copy of the composite in "
    "force and is rewritten in every block; nothing of the claim is left. The difference is the speed of gates "
    "against that of weights: in the present convention the literal numbers stand for weights six times faster, and "
    "gates three times slower, than in the older one."
)

RECORDS_PER_BLOCK = 24


@dataclass(frozen=True)
class Parameters:
    """What figure A14 is made of, besides `composition.composites_only`.

    Attributes:
        batches: batches of 200 in steps of 0.001 in place of the flow.
        num_seeds: repetitions with other initial weights, on one set of teachers.
        seed: the seed that all keys are derived from.
    """

    batches: bool = False
    num_seeds: int = 20
    seed: int = 0


PARAMETERS = Parameters()
FAST = Parameters(num_seeds=8)


def online(parameters: Parameters) -> Parameters:
    """On batches, with as many repetitions as published."""
    return dataclasses.replace(parameters, batches=True, num_seeds=10)


def run(parameters: Parameters) -> Data:
    """Simulate both readings of the parameters, from initial weights of the same shape.

    Args:
        parameters: what to run.

    Returns:
        "published" and "released"; similarities are to base teachers and, after them, to composites.
    """
    released = seeded(composites_only(), parameters.num_seeds, parameters.seed)
    if parameters.batches:
        released = on_batches(released)
    return simulate({"published": as_published(released), "released": released}, RECORDS_PER_BLOCK)


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A14 must show."""
    return numbers.accept(data["published"], data["released"])


def plot(data: Data) -> Figure:
    """Loss, gates and similarity as published on the left, the same of the control on the right."""
    titles = {"published": "as published", "released": "control: released code, same numbers"}
    scales = {"published": loss_scale(composites_only()), "released": 1.0}
    tops = {"published": 0.55, "released": 0.55 / scales["published"]}
    with house_style():
        figure, axes = plt.subplots(3, 2, figsize=(8.2, 6.4), sharex=True)
        for column, (name, dataset) in zip(axes.T, data.items(), strict=True):
            shade(column, dataset)
            draw_loss(column[0], {"flexible": dataset}, scales[name], tops[name])
            draw_gates(column[1], dataset)
            column[1].set_ylim(-0.05, 0.85)
            draw_similarity(column[2], dataset)
            column[0].set_title(titles[name])
            for ax in column[:2]:
                ax.set_xlabel("")
        for ax, letter in zip(axes[:, 0], "BCD", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        axes[0, 0].set_ylabel("loss (mean over outputs)")
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        axes[0, 1].legend(handles=legend_of_tasks(data["published"]), title="task", **beside)
        axes[1, 1].legend(**beside)
        axes[2, 1].legend(handles=legend_of_similarity(data["published"]), **beside)
        how = "batches of 200" if is_on_batches(data["published"]) else "population flow"
        figure.suptitle(
            f"{how}, mean of {data['published'].sizes['seed']} repetitions, bands: standard error", fontsize=8
        )
    return figure
