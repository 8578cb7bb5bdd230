"""Experiment E3: shorter and longer blocks for the same time, and for which of them coefficients and graphs saturate.

The flexible network of E1 with blocks of 0.1 to 2 until time 20, for teachers whose singular values are all different
(the main condition) and all equal. At the end the effective dimension at four cutoffs, and the modularity of the
partition by tasks of the graph from hidden directions to the outputs of both tasks, at four gaps and four resolutions.
"""

from experiments.degeneracy.e3_block_length.numbers import accept
from experiments.degeneracy.e3_block_length.picture import draw as plot
from experiments.degeneracy.e3_block_length.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(d_in=4, d_out=2, seeds=2, lengths=(0.25, 0.5, 2.0), total=8.0)
