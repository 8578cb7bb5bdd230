"""Experiment E5: full networks of two layers, whose graphs are looked at in neurons and in the Interaction Basis.

Hidden units are twice as many as outputs; the second layer is fast, and held to be nonnegative and of norm one, or
free. Teachers have singular values that all differ. Modularity of tasks is measured at the ends of blocks, with the
second layers of both tasks as a table; block lengths are compared at one total time; and, exploratory and without a
prediction, units that fire together are counted in a rectified network of the same sizes.
"""

from experiments.degeneracy.e5_two_layers.numbers import accept
from experiments.degeneracy.e5_two_layers.picture import draw as plot
from experiments.degeneracy.e5_two_layers.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(d_in=4, d_out=2, seeds=2, blocks=(1, 2, 4), lengths=(0.5, 2.0), examples=50)
