"""How figure A6 is drawn."""

from matplotlib.figure import Figure

from experiments.harness.runs import Data
from experiments.sandbrink_2024.panels.second_layer import draw_both_regimes
from experiments.sandbrink_2024.runs import two_layers
from experiments.sandbrink_2024.runs.two_layers import REGIMES


def draw(data: Data) -> Figure:
    """Mean over repetitions, as published and, below, with every unit once."""
    rows = {
        f"units matched with A | with B\n({text})": {
            regime: two_layers.sorted_maps(data[regime], matching).mean(axis=0) for regime in REGIMES
        }
        for text, matching in (("as published", "matching"), ("optimal assignment", "optimal_matching"))
    }
    count = data["flexible"].sizes["seed"]
    title = f"second layer, mean of {count} repetitions, batches of 200"
    return draw_both_regimes(rows, title, divided=True)
