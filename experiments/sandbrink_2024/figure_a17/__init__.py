"""Figure A17: what the penalties on two gates prefer, drawn from their closed forms.

The article's figure is a sketch without code. Drawn here are the penalties of figure 2 (L1 norm) and of figure 3D (L2
norm), each with its slope on negative gates, in units of the coefficient of the norm; beside them the sum of both
norms, which no figure of the article uses. The convention does not matter, because contours do not depend on units.
Dots are the ends of the flow of the penalty alone from scattered open gates, and arrows point down it.
"""

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a17 import numbers
from experiments.sandbrink_2024.figure_a17.picture import draw as plot
from experiments.sandbrink_2024.figure_a17.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(grid=61, starts=5)


def accept(data: Data) -> list[Acceptance]:
    """That neither norm alone forces specialisation."""
    return numbers.accept(data["penalties"])
