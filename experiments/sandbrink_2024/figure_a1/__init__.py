"""Figure A1: the full model of figure 2 beside its reduction to one effective mode, the toy.

Released parameters in the released convention. The published toy rescales tau_c by N s^2 = 1/2 but not the penalty, so
that its regulariser is half as strong as that of the full model; it starts in the teachers' modes, which the full model
does not. "toy_published" is that run in the published scheme, "toy" its flow.

Our addition, third column: a full model that starts in its teachers' modes, and the toy with both rescaled. They are
one and the same.
"""

import dataclasses

from experiments.sandbrink_2024.figure_a1.numbers import accept
from experiments.sandbrink_2024.figure_a1.picture import draw as plot
from experiments.sandbrink_2024.figure_a1.simulation import Parameters, runs
from ntadyn.specs.configuration import Dynamics

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, records_per_block=9, toy_step=4e-3, in_modes=False)


def online(parameters: Parameters) -> Parameters:
    """The same with the full model on batches of 200, in the published steps of 0.001."""
    return dataclasses.replace(parameters, dynamics=Dynamics.ONLINE)
