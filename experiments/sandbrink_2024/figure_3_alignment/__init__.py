"""Supplement to figure 3: the alignment beside the loss, which falls fast whether or not paths match teachers.

The networks of figure 3 from beginning to end: released parameters in the present convention. Task composition asks for
less than specialisation: any paths between which all teachers lie answer base tasks and composites alike without error.
Subtask composition brings every row to its teacher.
"""

import dataclasses

from experiments.sandbrink_2024.figure_3_alignment.numbers import accept
from experiments.sandbrink_2024.figure_3_alignment.picture import draw as plot
from experiments.sandbrink_2024.figure_3_alignment.simulation import runs
from experiments.sandbrink_2024.runs.first_composite import Parameters

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(task_seeds=20, subtask_seeds=4)


def online(parameters: Parameters) -> Parameters:
    """Task composition on batches of 200 in steps of 0.001 too, with as many repetitions as published."""
    return dataclasses.replace(parameters, task_batches=True, task_seeds=10)
