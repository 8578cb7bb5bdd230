"""Figure A3: four paths for two tasks. A penalty on the weights removes the paths that nobody needs.

Released parameters in the present convention, which is the one the published panels agree with. Population flow in
weight space, because the penalty on columns of the weights does not close on overlaps; batches, as published, with
`online`. One seed is shown as published, the most common case instead of the first one, and all of them are counted.
Paths are put in order by one assignment of paths to tasks, so no path is shown twice or lost.
"""

import dataclasses

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a3 import numbers
from experiments.sandbrink_2024.figure_a3.picture import draw as plot
from experiments.sandbrink_2024.figure_a3.simulation import Parameters, runs
from ntadyn.specs.configuration import Dynamics

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=3)


def online(parameters: Parameters) -> Parameters:
    """The same on batches of 200 with the published step 0.001."""
    return dataclasses.replace(parameters, dynamics=Dynamics.ONLINE)


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A3 must show."""
    return numbers.accept(data["without"], data["with"])
