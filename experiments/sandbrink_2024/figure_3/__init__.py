"""Figure 3, C and D: how fast a new task is learned that is made of old ones.

After three tasks in turn, the first composite task: the mean of two teachers (C), or alternating rows of both (D).
Released parameters in the present convention, which made the published panels. C is a population flow. D is run on
batches in the published steps: they are twice as long as the time constant of its gates, and the flow that they stand
for, drawn with dotted lines, is another one for the forgetful network. Panels A and B are schematics.
"""

import dataclasses

from experiments.sandbrink_2024.figure_3.numbers import accept
from experiments.sandbrink_2024.figure_3.picture import draw as plot
from experiments.sandbrink_2024.figure_3.simulation import runs
from experiments.sandbrink_2024.runs.first_composite import Parameters

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(task_seeds=20, subtask_seeds=4)


def online(parameters: Parameters) -> Parameters:
    """C on batches of 200 in steps of 0.001 too, with as many repetitions as published."""
    return dataclasses.replace(parameters, task_batches=True, task_seeds=10)
