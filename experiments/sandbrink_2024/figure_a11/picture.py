"""How figure A11 is drawn."""

from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.panels.specialisation import draw_figure


def draw(data: Data) -> Figure:
    """As figure A10, over several blocks."""
    title = (
        "restarted from figure A10 at t = 1.25; weights in units of the teacher; "
        "dashed: exact solution of one block (A), equality (B, C)"
    )
    return draw_figure(data["flow"], title)
