"""Gated networks with hidden units, trained end to end with two clocks: is flexibility still worth anything?

y = sum_p g_p V^p relu(U^p x) on two teachers with hidden units of their own, and on handwritten digits under two
labellings; on these also paths of convolutions. Plain descent on batches, gates and weights at rates of their own.
"""

from experiments.beyond.nonlinear.numbers import accept
from experiments.beyond.nonlinear.picture import draw as plot
from experiments.beyond.nonlinear.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    num_seeds=1, num_digit_seeds=1, gatings=("path",), num_blocks=9, digit_blocks=6, quick=False, convolutions=False
)
