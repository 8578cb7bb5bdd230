"""What degeneracy measures say along the runaway: learning coefficients and the interaction graph, block by block.

A network in the plane of its two teachers whose perfectly specialised weights run away; beside it the specialised
orbit, and a start from small weights. After some blocks the gates of both tasks are made a table, whose coefficients of
behaviour and graph are measured.
"""

from experiments.stability.runaway.numbers import accept
from experiments.stability.runaway.picture import draw as plot
from experiments.stability.runaway.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(blocks=(0, 4, 104), num_draws=600)
