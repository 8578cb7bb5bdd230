"""How the diagram is drawn."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from experiments.harness.runs import Data
from ntadyn.plotting.bifurcation import draw_distances
from ntadyn.plotting.style import house_style


def draw(data: Data) -> Figure:
    """Left, orbits; middle, the fold over block durations; right, Q of runs that start on the orbit of the fold."""
    name = next(name for name in data if name.startswith("grazing"))
    curve = data[name].merge(data["specialised"]).merge(data["unspecialised"]) if "specialised" in data else data[name]
    with house_style():
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10.5, 3.9), layout="constrained")
        draw_distances(left, curve)
        folds = sorted((float(key.split()[1]), float(one.fold[0])) for key, one in data.items() if key.startswith("gr"))
        middle.loglog(*zip(*folds, strict=True), "s-", color="C1", markersize=4)
        middle.set(xlabel=r"block duration $\tau_B$", ylabel=r"$\tau_c$ of the fold", title="Where the band closes")
        around = data["around"]
        for index, factor in enumerate(around.factor.values):
            q = around.q.sel(factor=factor)
            line = "-" if factor < 1 else "--"
            right.plot(around.block, q / q[0], line, color=f"C{index}", label=rf"${factor:g}\,\tau_c^*$")
        right.set(xlabel="block", ylabel=r"$Q$ over its start", title="Runs from the orbit of the fold")
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.18), "fontsize": 6}
        left.legend(**below, ncols=2)
        right.legend(**below, ncols=3)
    return figure
