"""Figure A13: the further teachers are from orthogonal, the slower a network adapts and the less it specialises.

Three runs of the same question. "published" and "released" are on batches, in the published steps and on the published
kind of teachers: the first reads the literal numbers as the older state of the code did that made the figure, the
second as the present one does. Both get the published measures. "improved" has the parameters of figure 2, teachers
whose matched rows have exactly the stated cosine, several of them, and measures that a forgetful network cannot pass.
Panel A of the article is a schematic.
"""

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a13 import numbers
from experiments.sandbrink_2024.figure_a13.picture import draw as plot
from experiments.sandbrink_2024.figure_a13.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_draws=4, num_teachers=2, num_initial=2)


def online(parameters: Parameters) -> Parameters:
    """The same: the published runs are on batches in any case, and the improved one is a flow by intention."""
    return parameters


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A13 must show."""
    return numbers.accept(data["published"], data["improved"])
