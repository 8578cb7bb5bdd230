"""How long runs by both steps are drawn."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_4.numbers import equal_phases
from experiments.stability.long_runs.numbers import EVENT_EXACT
from experiments.stability.long_runs.simulation import SOLVERS
from ntadyn.plotting.style import DASHES, house_style


def draw(data: Data) -> Figure:
    """Left, the longest figure by both steps, block by block; right, an orbit of thousands of blocks."""
    with house_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
        for index, solver in enumerate(SOLVERS):
            states = equal_phases(data[f"4 {solver}"])
            apart = np.linalg.norm((states[2:] - states[:-2]).reshape(len(states) - 2, -1), axis=1)
            style = {"color": f"C{index}", "linestyle": DASHES[index], "label": solver}
            left.plot(np.arange(len(apart)) + 1, apart, **style)
            right.plot(data[f"orbit {solver}"].block, data[f"orbit {solver}"].distance, **style)
        blocks = [block for block in EVENT_EXACT if block <= data["orbit Splitting"].sizes["block"]]
        exact = [EVENT_EXACT[block] for block in blocks]
        right.plot(blocks, exact, "o", color="black", markersize=4, label="event-exact")
        left.set(yscale="log", xlabel="block", ylabel="change over two blocks", title="figure 4, panel G")
        left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        left.yaxis.set_major_formatter("{x:g}")
        left.yaxis.set_minor_formatter(NullFormatter())
        right.set(yscale="log", xlabel="block", ylabel=r"$|W^1 - W^2|$", title=r"figure 5, $\tau_c$ = 0.05")
        right.legend(fontsize=7)
    return figure
