"""Momentum and its kin: a valley, two quadratics, inputs that switch, tasks that switch; over all their settings.

Optimisers differ less where each is tuned than in how much it matters to tune them. What forgetting along the gradient
buys is robustness: against a retention that is too large for the stream. No claim is made about speed.
"""

from experiments.nested.momentum.numbers import accept
from experiments.nested.momentum.picture import draw as plot
from experiments.nested.momentum.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_rates=9, size=6, steps=300, num_seeds=2)
