"""Figure A12: the whole course of both kinds of composition: loss, gates and similarity to the teachers.

The published panels were made with an older state of the code: "published" reads the literal numbers as that state
did, translated exactly, and shows losses in its units. "released" reads the same numbers in the present convention,
which is that of figure 3; it stands below. Task composition is a population flow; subtask composition is run on batches
in the published steps, which are longer than the time constant of its gates. Panels A and B are schematics.

Paths are sorted by one assignment to teachers. Dotted in E: the gates as the published rule sorts them, which for three
paths is not always a permutation.
"""

import dataclasses

from experiments.sandbrink_2024.figure_a12.numbers import accept
from experiments.sandbrink_2024.figure_a12.picture import draw as plot
from experiments.sandbrink_2024.figure_a12.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(task_seeds=20, subtask_seeds=4)


def online(parameters: Parameters) -> Parameters:
    """Task composition on batches of 200 in steps of 0.001 too, with as many repetitions as published."""
    return dataclasses.replace(parameters, task_batches=True, task_seeds=10)
