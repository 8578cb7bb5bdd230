"""Maps of a sweep over three or four axes, side by side: one for every value of the further axes."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ntadyn.maps.border import BORDER
from ntadyn.maps.summary import chosen_score
from ntadyn.plotting.cells import FAILED, plot_axes, title_of
from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.phase_diagram import ALIGNMENTS, draw_phase_map
from ntadyn.plotting.style import WIDTH, house_style
from ntadyn.results.dataset_axes import DatasetAxis
from ntadyn.results.quantities import label_of
from ntadyn.results.slicing import MOST_AXES

# Maps in a row of a third axis alone; along each of a third and a fourth one.
MOST_MAPS, MOST_PER_AXIS = 9, 4
_PER_ROW = 3


def slice_grid(dataset: xr.Dataset, score: str | None = None, level: float = BORDER) -> Figure | None:
    """Mean score over the first two axes, one map for every value of a third one, or of a third and a fourth.

    Of many values some are drawn, spread over the axis; axes after the fourth are held at their middle value. All maps
    share their colours.

    Args:
        dataset: a sweep.
        score: which score; the alignment, or the first one, if omitted.
        level: where a line is drawn.

    Returns:
        The figure, not yet written; None for a sweep over one or two axes of several values, which one overview shows.

    Raises:
        ValueError: if this is not a sweep, or has no such score.
    """
    score = chosen_score(dataset, score)
    several = [axis for axis in plot_axes(dataset) if len(axis.values) > 1]
    further = several[MOST_AXES:]
    if not further:
        return None
    grid, held = further[:2], further[2:]
    fixed = {axis.name: len(axis.values) // 2 for axis in held}
    fixed |= {axis.name: 0 for axis in plot_axes(dataset) if len(axis.values) == 1}
    most = MOST_MAPS if len(grid) == 1 else MOST_PER_AXIS
    places = [_spread(len(axis.values), most) for axis in grid]
    parts = [
        (dataset.isel(fixed | dict(zip([axis.name for axis in grid], place, strict=True))), place)
        for place in itertools.product(*places)
    ]
    columns = len(places[1]) if len(grid) == 2 else min(_PER_ROW, len(parts))
    rows = -(-len(parts) // columns)
    limits = ALIGNMENTS if score.endswith("alignment") else _limits([part for part, _ in parts], score)
    with house_style():
        size = (0.6 + 0.5 * WIDTH * columns, 0.7 + 0.48 * WIDTH * rows)
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True)
        mesh = None
        for ax, (part, place) in zip(axes.flat, parts, strict=False):
            mesh = draw_phase_map(ax, part, score, level, limits)
            ax.set_title("\n".join(_told(axis, index) for axis, index in zip(grid, place, strict=True)), fontsize=7)
            ax.label_outer()
        for ax in axes.flat[len(parts) :]:
            ax.set_axis_off()
        assert mesh is not None
        figure.colorbar(mesh, ax=list(axes.flat), label=f"mean {label_of(score, dataset[score].attrs)}")
        rest = ", ".join(_told(axis, fixed[axis.name]) for axis in held)
        failed = f"x: {FAILED}" if bool((dataset.result > 0).any()) else ""
        told = "; ".join(text for text in (title_of(dataset), rest, f"line: {level:g}", failed) if text)
        figure.suptitle("\n".join(line for line in (settings_title(dataset), told) if line), fontsize=8)
    return figure


def _told(axis: DatasetAxis, place: int) -> str:
    return f"{axis.label} = {axis.text(place)}"


def _limits(parts: list[xr.Dataset], score: str) -> tuple[float, float]:
    """The smallest and the largest mean of all maps."""
    means = np.stack([part[score].where(part.result <= 0).mean("seed").values for part in parts])
    finite = means[np.isfinite(means)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _spread(number: int, most: int) -> tuple[int, ...]:
    return tuple(sorted({round(place) for place in np.linspace(0, number - 1, min(number, most))}))
