"""How curricula are drawn."""

from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.stability.curricula.numbers import together
from ntadyn.plotting.curricula import curricula_figure


def draw(data: Data) -> Figure:
    """Scores over the number of blocks, and the lengths of the best curricula."""
    return curricula_figure(together(data))
