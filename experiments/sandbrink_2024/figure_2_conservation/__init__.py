r"""Figure 2, supplement of ours: what a conservation law says about when paths can specialise.

Without a penalty on the weights, Q = tau_W |W^1 - W^2|^2 - tau_c (c_1 - c_2)^2 changes at the rate 2 (c_1 -
c_2)(dR/dc_1 - dR/dc_2). While both gates are positive the penalties of figure 2 pull at both alike, and Q is constant;
it can grow for good only while a gate is held at zero, or below. The networks are those of figure 2, with the released
parameters in the present convention, followed by their exact order parameters; batches with `online`.
"""

import dataclasses

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_2_conservation import numbers
from experiments.sandbrink_2024.figure_2_conservation.picture import draw as plot
from experiments.sandbrink_2024.figure_2_conservation.simulation import Parameters, runs
from ntadyn.specs.configuration import Dynamics

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=4)


def online(parameters: Parameters) -> Parameters:
    """The same on batches of 200 with the published step 0.001, and a record at every second step."""
    return dataclasses.replace(parameters, dynamics=Dynamics.ONLINE, records_per_block=499)


def accept(data: Data) -> list[Acceptance]:
    """What the conservation law says of figure 2."""
    return numbers.accept(data["flexible"], data["forgetful"])
