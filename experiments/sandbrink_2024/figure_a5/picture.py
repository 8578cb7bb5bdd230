"""How figure A5 is drawn."""

from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.panels.second_layer import draw_both_regimes
from experiments.sandbrink_2024.runs.two_layers import REGIMES


def draw(data: Data) -> Figure:
    """The first repetition."""
    maps = {regime: data[regime].second_layer.values[0] for regime in REGIMES}
    title = "second layer of one repetition, batches of 200"
    return draw_both_regimes({"hidden units": maps}, title, divided=False)
