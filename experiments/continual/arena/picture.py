"""How the arena is drawn: as `ntadyn arena` draws the population."""

from matplotlib.figure import Figure

from experiments.harness.runs import Data
from ntadyn.plotting.arena import arena_figure


def draw(data: Data) -> Figure:
    """The first stream; the other one is in its file."""
    return arena_figure(next(iter(data.values())))
