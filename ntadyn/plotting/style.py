"""One look for all pictures, safe for colour-blind readers, and one way to save them."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ntadyn.results.storage import write_bytes

TASK_TINTS = ("#DCE9F5", "#FBEBD0", "#D9F0E6", "#F5E1EC", "#E4F3FB", "#F8DFD0")
FLEXIBLE, FORGETFUL = "black", "#8C8C8C"
WIDTH = 5.5  # inches, one text column of a paper
# Of lines that may lie on each other: where the upper one has a gap, or is narrower, the lower one is seen.
DASHES: tuple[Any, ...] = ("-", (0, (3.5, 2.0)), (0, (1.0, 1.5)), (0, (5.0, 1.5, 1.0, 1.5)))
WIDEST, NARROWEST = 2.3, 1.1
# Tasks that a legend names at most.
MOST_TASKS = 8
# Of a legend beside axes of a third of a page.
MOST_IN_A_COLUMN, MOST_COLUMNS = 8, 3


def house_style() -> AbstractContextManager[None]:
    """The package's style on matplotlib's own defaults, whatever a `matplotlibrc` says; nothing changes globally."""
    return plt.style.context(str(Path(__file__).with_name("ntadyn.mplstyle")), after_reset=True)


def shade_blocks(ax: Axes, edges: Sequence[float] | np.ndarray, tasks: Sequence[int] | np.ndarray) -> None:
    """Tint the background of every block in the colour of its task.

    Args:
        ax: where to draw.
        edges: block boundaries, shape (blocks + 1,).
        tasks: task index of every block, shape (blocks,).
    """
    for start, end, task in zip(edges[:-1], edges[1:], tasks, strict=True):
        ax.axvspan(float(start), float(end), color=TASK_TINTS[int(task) % len(TASK_TINTS)], linewidth=0, zorder=-10)
    ax.set_xlim(float(edges[0]), float(edges[-1]))


def task_handles(names: Sequence[str], tasks: Sequence[int] | np.ndarray) -> list[Patch]:
    """What the tints of `shade_blocks` mean, for a legend.

    Args:
        names: of the tasks; those beyond them are numbered.
        tasks: task index of every block.

    Returns:
        One handle per task that occurs, at most `MOST_TASKS`.
    """
    found = np.unique(np.asarray(tasks))[:MOST_TASKS].tolist()
    texts = (f"task {names[task] if task < len(names) else task + 1}" for task in found)
    tints = (TASK_TINTS[task % len(TASK_TINTS)] for task in found)
    return [Patch(facecolor=tint, label=text) for tint, text in zip(tints, texts, strict=True)]


def line_looks(number: int) -> list[dict[str, Any]]:
    """Looks of lines that are drawn in this order, any two of which are both seen where they coincide.

    Args:
        number: of the lines.

    Returns:
        For each line its colour, its width, which falls from line to line, and its dashes.
    """
    colors = len(plt.rcParams["axes.prop_cycle"])
    widths = np.linspace(WIDEST, NARROWEST, number) if number > 1 else [plt.rcParams["lines.linewidth"]]
    return [
        {"color": f"C{index % colors}", "linewidth": float(width), "linestyle": _dashes(index, number)}
        for index, width in enumerate(widths)
    ]


def _dashes(index: int, number: int) -> Any:
    if number <= len(DASHES) or index == 0:
        return DASHES[index]
    # Long enough to be followed, each of another length, and with gaps in all that lie above others.
    return (0, (4.0 + 0.5 * index, 2.0))


def band(ax: Axes, x: np.ndarray, values: np.ndarray, color: str, label: str | None = None, **line: Any) -> None:
    """Mean over the first axis with a band of one plain standard error.

    Args:
        ax: where to draw.
        x: shape (points,).
        values: shape (repetitions, points).
        color: colour of line and band.
        label: legend text.
        line: further properties of the line.
    """
    mean = np.mean(values, axis=0)
    sem = np.std(values, axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros_like(mean)
    ax.plot(x, mean, color=color, label=label, **line)
    ax.fill_between(x, mean - sem, mean + sem, color=color, alpha=0.25, linewidth=0)


def legend_beside(ax: Axes) -> None:
    """A legend to the right of the axes, in columns and letters that fit into their height."""
    count = len(ax.get_legend_handles_labels()[1])
    columns = min(-(-count // MOST_IN_A_COLUMN), MOST_COLUMNS)
    size = 6 if count > MOST_IN_A_COLUMN else None
    if count > MOST_IN_A_COLUMN * MOST_COLUMNS:
        handles, labels = ax.get_legend_handles_labels()
        kept = MOST_IN_A_COLUMN * MOST_COLUMNS - 1
        handles, labels = handles[: kept + 1], [*labels[:kept], f"and {count - kept} more"]
        handles[-1] = Line2D([], [], linestyle="none")
        ax.legend(handles, labels, loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=columns, fontsize=size)
        return
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=columns, fontsize=size)


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG for the screen and PDF for print, each whole or not at all.

    Args:
        figure: what to write; closed afterwards.
        path: file name; its suffix is replaced by .png and .pdf.

    Returns:
        The two paths.

    Raises:
        DiskFullError: if there is no room.
        OSError: if they cannot be written.
    """
    return [write_bytes(content, path.with_suffix(suffix)) for suffix, content in rendered(figure).items()]


def rendered(figure: Figure, suffixes: Sequence[str] = (".png", ".pdf")) -> dict[str, bytes]:
    """A figure as PNG for the screen and PDF for print, in memory.

    Args:
        figure: what to draw; closed afterwards.
        suffixes: as which of them.

    Returns:
        Suffix, with its dot -> content of the file.
    """
    pictures, layout = {}, figure.get_layout_engine()
    try:
        # Colours named C0, C1, ... are looked up when the figure is drawn, so the style must hold then as well.
        with house_style():
            for suffix in suffixes:
                buffer = io.BytesIO()
                figure.savefig(buffer, format=suffix[1:])
                pictures[suffix] = buffer.getvalue()
                figure.set_layout_engine("none")  # the place of everything is found, which takes long
    finally:
        figure.set_layout_engine(layout)
        plt.close(figure)
    return pictures
