"""Experiment: both maps of figure 5 with seeds of their own, beside the border that theory predicts.

The finite-time border is where half of all runs have met a gate of zero, and then had the time that the second stage
takes; nothing is trained for it. The same at a tenth of the initial scale, and how disagreement splits by region.
"""

from experiments.stability.border_maps.numbers import accept
from experiments.stability.border_maps.picture import draw as plot
from experiments.stability.border_maps.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(size=(3, 3), seeds=3, near_seeds=3, scales=(1.0,), strips=1)
