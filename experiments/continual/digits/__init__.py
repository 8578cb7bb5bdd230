"""Handwritten digits as a stream of five tasks: permuted, rotated, and split in two ways; who forgets, and what helps.

Nobody here made these data: 1797 images of 8 x 8 pixels that come with scikit-learn. The network is a perceptron with
one hidden layer of rectified units, trained by plain descent on batches, one task after the other.
"""

from experiments.continual.digits import numbers
from experiments.continual.digits.picture import draw as plot
from experiments.continual.digits.simulation import Parameters, runs
from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_tuning_seeds=2, strengths=(1.0, 3.0, 10.0))


def accept(data: Data) -> list[Acceptance]:
    """What is known of such streams."""
    return numbers.accept(data)
