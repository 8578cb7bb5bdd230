"""Irregular curricula: regular blocks of a mean length do not specialise a network where irregular ones do. Why?

The network of figure 5, in trials of a fiftieth of tau_W; every repetition has teachers, initial weights and a sequence
of its own. All on the exact population flow of overlaps. Tested explanation: a few long blocks suffice to specialise,
and short ones do not undo it. What it predicts stands in `numbers`, written down before anything was run.
"""

from experiments.beyond.irregular.numbers import accept
from experiments.beyond.irregular.picture import draw as plot
from experiments.beyond.irregular.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    means=(0.1, 0.2, 0.4, 1.0),
    cvs=(0.0, 0.5, 1.0, 1.5),
    rates=(0.02, 0.1),
    num_seeds=2,
    long_blocks=(0, 4),
    caps=(0.2, 1.6),
)
