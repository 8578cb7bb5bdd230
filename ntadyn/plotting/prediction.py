"""Lines that the theory in the plane draws over a phase map."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from ntadyn.plotting.cells import map_axes
from ntadyn.results.quantities import FOLD, HINGE, NEGATIVE, PREDICTED
from ntadyn.results.result_format import weight_time_constant

_OUTLINE = [Stroke(linewidth=2.6, foreground="black"), Normal()]
# Colour and dashes of every line; light ones with a dark outline are seen on every colour of a map.
LOOKS = {
    PREDICTED: ("predicted: half of all runs specialise", {"color": "#CC79A7", "linestyle": "-"}),
    FOLD: ("contact band closes: specialised orbits to its left", {"color": "#56B4E9", "linestyle": (0, (4, 2))}),
    HINGE: ("hinge holds all gates, to its right", {"color": "#009E73", "linestyle": (0, (1, 1.5))}),
    NEGATIVE: ("half of all runs end with a negative gate", {"color": "#E69F00", "linestyle": (0, (5, 1, 1, 1))}),
}


def draw_prediction(ax: Axes, dataset: xr.Dataset) -> list[Line2D]:
    """The finite-time border, the fold of the contact band, and where the hinge holds, as far as a map has them.

    Args:
        ax: where the map is drawn.
        dataset: the map, from `maps.prediction.with_prediction`.

    Returns:
        What the lines mean, for a legend; nothing for a map without predictions.
    """
    if PREDICTED not in dataset:
        return []
    rows, columns = map_axes(dataset)
    return draw_lines(ax, dataset, columns.values, rows.values, weight_time_constant(dataset) or 1.0)


def draw_lines(
    ax: Axes, predicted: xr.Dataset, columns: np.ndarray, rows: np.ndarray, unit: float = 1.0
) -> list[Line2D]:
    """The lines of theory over a map that is drawn already, within its limits.

    Args:
        ax: where the map is drawn.
        predicted: what theory says, in the variables of `maps.prediction.predict`.
        columns: where the map has its columns.
        rows: where it has its rows.
        unit: the time in which columns of gate time constants are told, in that of the prediction.

    Returns:
        What the lines mean, for a legend.
    """
    drawn = []
    for name in (PREDICTED, NEGATIVE):
        share = predicted[name].values if name in predicted else np.zeros((1, 1))
        if min(share.shape) > 1 and np.nanmin(share) < 0.5 < np.nanmax(share):
            _, look = LOOKS[name]
            lines = ax.contour(
                columns, rows, share, levels=[0.5], colors=[look["color"]], linestyles=[look["linestyle"]]
            )
            lines.set(linewidth=1.4, path_effects=_OUTLINE)
            drawn.append(name)
    limits = ax.get_xlim(), ax.get_ylim()
    if FOLD in predicted:
        places = predicted[FOLD].values / unit
        if np.any((places > limits[0][0]) & (places < limits[0][1])):
            ax.plot(places, rows, **_look(FOLD))
            drawn.append(FOLD)
    if HINGE in predicted and limits[0][0] < float(predicted[HINGE]) < limits[0][1]:
        ax.axvline(float(predicted[HINGE]), **_look(HINGE))
        drawn.append(HINGE)
    ax.set(xlim=limits[0], ylim=limits[1])
    return [Line2D([], [], label=LOOKS[name][0], **_look(name)) for name in drawn]


def _look(name: str) -> dict:
    return {**LOOKS[name][1], "linewidth": 1.4, "path_effects": _OUTLINE}
