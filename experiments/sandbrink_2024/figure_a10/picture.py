"""How figure A10 is drawn."""

from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.panels.specialisation import draw_figure


def draw(data: Data) -> Figure:
    """Specialisation over gates; the two symmetry assumptions; time courses."""
    title = "weights in units of the teacher; dashed: exact solution (A), equality (B, C)"
    return draw_figure(data["flow"], title)
