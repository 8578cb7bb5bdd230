"""When a network adds paths: dynamically expandable networks on linear teachers, counted and compared with predictions.

A task is new if the paths that there are leave more than 5 % of it unexplained. For a teacher whose cosine to their
span is rho that is 1 - rho^2; where targets carry noise of standard deviation sigma, noise is unexplained, too. Shown
are how many paths there are after each of nine blocks, three of them with new tasks; when one task is added to another
at any angle, by expansion at its start or by splitting at its end; and the nine blocks with noise.
"""

from experiments.continual.den_grow import numbers
from experiments.continual.den_grow.picture import draw as plot
from experiments.continual.den_grow.simulation import Parameters, runs
from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=3, num_angles=15, num_noises=9)


def accept(data: Data) -> list[Acceptance]:
    """That networks grow when they should, and only then."""
    return numbers.accept(data["sequence"], data["angles"], data["noise"])
