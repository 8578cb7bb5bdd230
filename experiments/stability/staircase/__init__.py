"""Experiment: the band of neutral orbits whose gates reach zero, and runs that climb through it.

G(q), the largest |c_1 - c_2| of the neutral orbit of q, exceeds one in a band: there gates reach zero and Q rises,
block by block, up to the end of the band. Beside it the growth per block of the orbit of equal paths, log mu, over
block durations and penalties, and how long the second stage of specialisation takes, from contact to contrast.
"""

from experiments.stability.staircase.numbers import accept
from experiments.stability.staircase.picture import draw as plot
from experiments.stability.staircase.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(seeds=2, blocks=100, size=(4, 4), stage_cells=((0.1, 0.02, 0.3),), folding=0.3)
