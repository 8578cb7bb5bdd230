"""Experiment E1: fast or slow gates, with a penalty or without, and how degenerate what each of them ends in is.

Two orthogonal teachers in turn, 20 blocks of length 1, the population flow in weight space. At the end of every block
the table of gates of both tasks, cosines, singular values of the maps of both tasks, the time to half the loss of a
zero map, and the effective dimension; at the end of the last block estimates by MALA at four cutoffs.
"""

from experiments.degeneracy.e1_factorial.numbers import accept
from experiments.degeneracy.e1_factorial.picture import draw as plot
from experiments.degeneracy.e1_factorial.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(d_in=4, d_out=2, seeds=1, blocks=4, fast=True)
