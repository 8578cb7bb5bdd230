"""A rival with hidden units: forgetting against the similarity of two tasks, in a committee machine and in gated paths.

The committee learns task 1, then task 2, by its exact flow in the limit of many inputs, with a head per task. The gated
network is that of figure 2 on two overlapping teachers in turn. Two laws, not a race: heads need to be told the task,
gates find it out.
"""

from experiments.beyond.committee.numbers import accept
from experiments.beyond.committee.picture import draw as plot
from experiments.beyond.committee.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(similarities=(0.0, 0.5, 1.0), num_seeds=2, num_gated=2)
