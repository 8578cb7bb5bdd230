"""Figure A7: where fully connected networks specialise. Block length by speed of the second layer and by penalty.

The figure was made with an older state of the published code. "published" holds its parameters translated exactly into
the present convention, so that axes show true ratios; "released" reads the same numbers in the present convention, in
which the region that specialises is narrower. Batches in the published steps, which are as long as the time constant
of the second layer or longer. Fast second layers stand on the right, as published.
"""

from experiments.sandbrink_2024.figure_a7.numbers import accept
from experiments.sandbrink_2024.figure_a7.picture import draw as plot
from experiments.sandbrink_2024.figure_a7.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, corners=True, conventions=("published",))


def online(parameters: Parameters) -> Parameters:
    """The same: the maps are of batches in any case."""
    return parameters
