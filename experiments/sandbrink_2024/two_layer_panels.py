"""Heat maps of the second layer of a two-layer network."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

LARGEST = 0.5  # of the published colour scale


def draw_second_layer(ax: Axes, values: np.ndarray, divided: bool = True) -> QuadMesh:
    """Outputs downwards, units to the right, white for nothing and below.

    Args:
        ax: where to draw.
        values: W2, shape (d_out, units).
        divided: whether a line separates the two halves of the units.

    Returns:
        The mesh, for a colour bar.
    """
    mesh = ax.pcolormesh(values[::-1], cmap="Oranges", vmin=0.0, vmax=LARGEST, rasterized=True)
    if divided:
        ax.axvline(values.shape[1] / 2, color="0.4", linewidth=0.8)
    ax.set(xticks=[], yticks=[], aspect="equal")
    for side in ax.spines.values():
        side.set_visible(True)
    return mesh
