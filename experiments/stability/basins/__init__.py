"""Experiment: from which initial states runs end specialised, run away, or stay neutral, and for how long.

The table of specification 5, section 6, with intervals, and the same at other times; the shares along gate time
constants, across the place where the contact band closes; and the basins in the plane (c_1 - c_2, D_e).
"""

from experiments.stability.basins.numbers import accept
from experiments.stability.basins.picture import draw as plot
from experiments.stability.basins.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(cells=((0.05, 1504),), num_runs=12, gates=(0.05, 0.13), runs_by_gates=8, blocks_by_gates=200, size=8)
