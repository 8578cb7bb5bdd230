"""The bifurcation diagram |W^1 - W^2| over the gate time constant, through the fold at which specialised orbits end."""

from experiments.stability.bifurcation.numbers import accept
from experiments.stability.bifurcation.picture import draw as plot
from experiments.stability.bifurcation.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(durations=(1.0,), whole=False, factors=(0.9, 1.1), blocks=20, steps=50)
