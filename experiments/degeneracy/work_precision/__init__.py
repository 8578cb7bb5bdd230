"""What samplers cost and how wrong they are, on losses for which the answer is known; and how wrong they say they are.

Every sampler is stopped at several budgets of gradients, warm-up and whitening included. Its error is the root of the
mean square, over seeds, of what it answers less the value at this temperature; it claims sd / sqrt(effective draws).
"""

from experiments.degeneracy.work_precision.numbers import accept
from experiments.degeneracy.work_precision.picture import draw as plot
from experiments.degeneracy.work_precision.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(("quadratic", "crossing"), ("MALA", "SGLD", "RMSProp-SGLD"), (1e3, 1e4, 1e5))
