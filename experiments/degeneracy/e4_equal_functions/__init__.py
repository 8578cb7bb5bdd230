"""Experiment E4: networks that compute the same and are specialised or mixed: C = [[a, 1-a], [1-a, a]], W = C^-1 T.

The only fair test of "modular networks have the lower coefficient". Estimates by MALA around such points at four
cutoffs, beside the closed form; and the population flow from them for 40 blocks under a penalty on the L1 norm of
gates, on the L2 norm, and on both with the second one, ten and a hundred times as strong. From such a start the flow
knows no randomness: it depends on overlaps alone, which are the same for all orthogonal teachers.
"""

from experiments.degeneracy.e4_equal_functions.numbers import accept
from experiments.degeneracy.e4_equal_functions.picture import draw as plot
from experiments.degeneracy.e4_equal_functions.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(d_in=4, d_out=2, seeds=2, blocks=24, fast=True)
