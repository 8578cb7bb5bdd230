"""Pictures in the plane of two outputs: paths of students, how far open their gates were, and where the targets are."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

TARGETS = ((1.0, 0.0), (0.0, 1.0))
_SHADE = np.array(to_rgb("0.55"))  # of an open gate; a shut one is white


def draw_targets(ax: Axes) -> None:
    """Stars at both targets."""
    for target in TARGETS:
        ax.plot(*target, "*", color="black", markersize=9, clip_on=False, zorder=5)


def draw_teachers(ax: Axes) -> None:
    """Arrows from the origin to both targets."""
    for target in TARGETS:
        ax.annotate("", target, (0, 0), arrowprops={"arrowstyle": "-|>", "color": "0.75", "shrinkA": 0, "shrinkB": 4})


def draw_error_direction(ax: Axes, color: str) -> None:
    """A thick arrow from the first target to the second: where the error points after a switch."""
    arrow = {"arrowstyle": "simple,head_width=1.0,tail_width=0.35", "color": color, "alpha": 0.45, "shrinkA": 9}
    ax.annotate("", (0.0, 1.0), (1.0, 0.0), arrowprops={**arrow, "shrinkB": 9}, zorder=-2)


def draw_gated_path(ax: Axes, points: np.ndarray, gates: np.ndarray, color: str, offset: float = 0.0) -> Line2D:
    """A trajectory, with grey under it that is the darker the more the gate is open.

    Args:
        ax: where to draw.
        points: shape (records, 2).
        gates: shape (records,); drawn between 0 (white) and 1.
        color: of the line; a dot marks its end.
        offset: moves the drawing along the diagonal, so that two equal trajectories can both be seen.

    Returns:
        The line.
    """
    moved = points + offset
    opening = np.clip(0.5 * (gates[1:] + gates[:-1]), 0, 1)
    # The widest opening is drawn last, where stretches overlap.
    order = np.argsort(opening, kind="stable")
    segments = np.stack([moved[:-1], moved[1:]], axis=1)[order]
    shades = 1 - opening[order, None] * (1 - _SHADE)
    ax.add_collection(LineCollection(list(segments), colors=list(shades), linewidths=8, capstyle="round", zorder=-1))
    (line,) = ax.plot(*moved.T, color=color)
    ax.plot(*moved[-1], "o", color=color, markersize=4)
    return line
