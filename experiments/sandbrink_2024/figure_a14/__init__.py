"""Figure A14: from composite tasks alone, the paths find the base tasks that were never shown.

The published panels were made with an older state of the code: "published" reads the literal numbers as that state
did, translated exactly, and shows losses in its units. "released" reads the same numbers in the present convention, in
which the network is forgetful; it stands beside as a negative control. Population flow; panel A is a schematic.
"""

import dataclasses

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a14 import numbers
from experiments.sandbrink_2024.figure_a14.picture import draw as plot
from experiments.sandbrink_2024.figure_a14.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=8)


def online(parameters: Parameters) -> Parameters:
    """On batches, with as many repetitions as published."""
    return dataclasses.replace(parameters, batches=True, num_seeds=10)


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A14 must show."""
    return numbers.accept(data["published"], data["released"])
