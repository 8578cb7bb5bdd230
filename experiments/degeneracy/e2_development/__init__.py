"""Experiment E2: coefficients along training, beside how far paths have specialised, and when tables of gates separate.

Flexible and forgetful networks as in E1, with 6 inputs and 3 outputs. Estimates by MALA at ends of blocks, at four
cutoffs; where the second block ends, the first in which both tasks have been met, also by NUTS.
"""

from experiments.degeneracy.e2_development.numbers import accept
from experiments.degeneracy.e2_development.picture import draw as plot
from experiments.degeneracy.e2_development.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(d_in=4, d_out=2, seeds=2, blocks=(1, 2, 3, 4), fast=True)
