"""Inputs with a spectrum: the network of figure 5 on inputs whose variance falls as i^-exponent, at the same power.

All on the closed flow of overlaps by eigenspace, which is exact; repetitions have teachers and starts of their own.
"""

from experiments.beyond.spectra.numbers import accept
from experiments.beyond.spectra.picture import draw as plot
from experiments.beyond.spectra.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(exponents=(0.0, 1.0, 2.0), durations=(0.2, 0.4, 1.0), num_seeds=4)
