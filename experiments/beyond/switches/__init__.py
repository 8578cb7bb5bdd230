"""Does it switch? Gated networks with hidden units over learning rates and blocks; softmax gates, and what cures them.

Two maps, from small and from usual initial weights: the flexible network beside its forgetful partner, which learns at
the same rate of weights. And softmax gates, which collapse onto one path: temperature, learning rate, entropy floor.
"""

from experiments.beyond.switches.numbers import accept
from experiments.beyond.switches.picture import draw as plot
from experiments.beyond.switches.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    lengths=(200,),
    total=2000,
    weight_rates=(0.02,),
    ratios=(1.0, 10.0),
    num_seeds=2,
    cures=("none", "T = 2", "rate 1/4", "floor 0.4, k 1"),
    num_cure_seeds=2,
)
