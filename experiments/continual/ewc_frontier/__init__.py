"""What elastic weight consolidation can reach when two tasks ask for different answers to the same inputs.

One path under EWC ends task B on a line, sqrt(L_A) + sqrt(L_B) = |W*_A - W*_B| / sqrt 2, whatever its strength. No
network that computes one linear map lies below. A network with flexible gates computes another map as soon as its gates
have moved: on the same stream, given a tenth of a block for its gates alone, it is far below the line.
"""

from experiments.continual.ewc_frontier.numbers import accept
from experiments.continual.ewc_frontier.picture import draw as plot
from experiments.continual.ewc_frontier.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_strengths=9, num_seeds=3)
