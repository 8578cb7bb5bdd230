"""Which levels our learners have, how often and how fast each moves, and where fast levels become a slow manifold.

Two columns that are easily taken for one: the update frequency of a level, and its effective rate. Where gates are ever
faster than weights, the weights come to descend the loss at the gates that are best for them; the distance falls in
proportion to the time constant, for one level of gates and for a hierarchy of them alike.
"""

from experiments.nested.levels.numbers import accept
from experiments.nested.levels.picture import draw as plot
from experiments.nested.levels.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_taus=3, d_out=4, d_in=8)
