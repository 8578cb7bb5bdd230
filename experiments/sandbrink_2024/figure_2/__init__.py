"""Figure 2: two tasks in turn. A flexible network learns to switch between paths, a forgetful one overwrites them.

Released parameters in the present convention, in which the published panels were made. The population flow in weight
space by default; finite batches, as published, with `online`. Blocks last exactly one unit of time in both (999 steps
of 0.001 in the published code, which a comparison with its arrays respects). Published bands are the standard error
divided by sqrt(n) once more, too narrow by that factor; here they are one plain standard error.
"""

import dataclasses
from pathlib import Path

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_2 import numbers, reference
from experiments.sandbrink_2024.figure_2.picture import draw as plot
from experiments.sandbrink_2024.figure_2.simulation import REGIMES, Parameters, runs
from ntadyn.specs.configuration import Dynamics

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs", "with_reference"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=4)


def online(parameters: Parameters) -> Parameters:
    """The same on batches of 200 with the published step 0.001 and its spacing of records, two steps."""
    return dataclasses.replace(parameters, dynamics=Dynamics.ONLINE, records_per_block=499)


def with_reference(parameters: Parameters, folder: Path) -> Parameters:
    """The same, and the comparison with the published code's arrays.

    Raises:
        ValueError: if the arrays are not there.
    """
    reference.check(folder)
    return dataclasses.replace(parameters, reference=folder)


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure 2 must show."""
    return numbers.accept(data["flexible"], data["forgetful"]) + [
        row
        for name in REGIMES
        if f"reference_{name}" in data
        for row in numbers.against_arrays(name, data[f"reference_{name}"])
    ]
