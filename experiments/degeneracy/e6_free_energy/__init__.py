"""Experiment E6: from how many samples on the free energy prefers the flexible solution to the forgetful one.

Free energies n L + lambda log n of both, with L the loss of two teachers of norm one, and lambda once the exact
coefficient and once an estimate around the solution at the inverse temperature n / log n, at four localisations. The
loss that is sampled is that of behaviour: the forgetful solution is no minimum of the training loss, but a saddle.
"""

from experiments.degeneracy.e6_free_energy.numbers import accept
from experiments.degeneracy.e6_free_energy.picture import draw as plot
from experiments.degeneracy.e6_free_energy.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(d_in=4, d_out=2, seeds=2, fast=True)
