"""Panels of specialisation over gates, for figures A10, A11 and panel H of figure 4."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.sandbrink_2024.runs.specialisation import BLOCK_DURATION
from ntadyn.plotting.specialisation import specialisation_curves as draw_specialisation
from ntadyn.plotting.style import house_style


def draw_figure(flow: xr.Dataset, title: str) -> Figure:
    """Six panels: wbar over cbar; the two assumptions; errors, wbar and wdbar, cbar over time.

    Args:
        flow: from `runs.specialisation.dataset_of`.
        title: what the curves are.

    Returns:
        The figure.
    """
    ratios, times = flow.ratio.values, flow.time.values
    switches = np.arange(BLOCK_DURATION, times[-1], BLOCK_DURATION)
    with house_style():
        figure, axes = plt.subplots(2, 3, figsize=(8.4, 5.0))
        colors = draw_exact_panel(axes[0, 0], flow)
        axes[0, 0].set(xlabel=r"$\bar c = c_1 - c_2$", ylabel=r"$\bar w$")
        _draw_assumption(axes[0, 1], flow.wbar_1.values, flow.wbar_2.values, colors)
        axes[0, 1].set(xlabel=r"$\bar w_1$", ylabel=r"$\bar w_2$")
        _draw_assumption(axes[0, 2], flow.error_1.values, -flow.error_2.values, colors)
        axes[0, 2].set(xlabel=r"$\epsilon_1 = y_1$", ylabel=r"$-\epsilon_2 = 1 - y_2$")
        courses: tuple[dict[str, xr.DataArray], ...] = (
            {r"$\epsilon_1$": flow.error_1, r"$-\epsilon_2$": -flow.error_2},
            {r"$\bar w$": flow.wbar, r"$\bar w_\mathrm{d}$": flow.wdbar},
            {r"$\bar c$": flow.cbar},
        )
        for ax, course in zip(axes[1], courses, strict=True):
            _draw_course(ax, times, course, colors)
            for switch in switches:
                ax.axvline(switch, color="0.85", linewidth=0.8, zorder=-1)
        for ax, letter in zip(axes.flat, "ABCDEF", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold")
        add_ratio_bar(figure, list(axes.flat), ratios, colors)
        figure.suptitle(title, fontsize=8)
    return figure


def draw_exact_panel(ax: Axes, flow: xr.Dataset) -> list:
    """Wbar over cbar with the exact curves dashed.

    Args:
        ax: where to draw.
        flow: from `runs.specialisation.dataset_of`.

    Returns:
        The colour of every ratio.
    """
    lines = draw_specialisation(ax, flow.cbar.values, flow.wbar.values, flow.exact.values, flow.ratio.values)
    legend = ax.get_legend()
    handles = [] if legend is None else legend.legend_handles
    ax.legend(handles=[item for item in handles if item is not None and item.get_label() == "exact"], loc="lower right")
    top = max(1.02, 1.02 * float(flow.wbar.max()))
    ax.set(xlim=(-1.05, 1.05), ylim=(0.65, top))
    return [line.get_color() for line in lines]


def add_ratio_bar(figure: Figure, axes: Sequence[Axes], ratios: np.ndarray, colors: Sequence) -> None:
    """A bar with one field per ratio of time constants, on a logarithmic scale."""
    step = np.sqrt(ratios[1] / ratios[0])
    norm = BoundaryNorm([*(ratios / step), ratios[-1] * step], len(ratios))
    bar = figure.colorbar(ScalarMappable(norm, ListedColormap(colors)), ax=axes, ticks=ratios, aspect=40)
    bar.ax.set_yscale("log")
    bar.ax.set_yticks(ratios, [f"{ratio:.2g}" for ratio in ratios])
    bar.ax.minorticks_off()
    bar.set_label(r"$\tau_c/\tau_W$")


def _draw_assumption(ax: Axes, x: np.ndarray, y: np.ndarray, colors: list) -> None:
    """Two quantities that the exact solution takes for equal, with the diagonal."""
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    ax.plot([low, high], [low, high], color="0.6", linewidth=0.9, linestyle=(0, (4, 3)))
    for one, two, color in zip(x, y, colors, strict=True):
        ax.plot(one, two, color=color)
    margin = 0.03 * (high - low)
    ax.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")


def _draw_course(ax: Axes, times: np.ndarray, courses: dict[str, xr.DataArray], colors: list) -> None:
    """Up to two quantities over time, the first solid, the second dashed."""
    handles = []
    for (label, values), style in zip(courses.items(), ("-", "--"), strict=False):
        for one, color in zip(values.values, colors, strict=True):
            ax.plot(times, one, color=color, linestyle=style)
        handles.append(Line2D([], [], color="black", linestyle=style, label=label))
    if len(handles) > 1:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.18 * (high - low))
        ax.legend(handles=handles, loc="upper right", ncols=2)
    ax.set(xlabel=r"time ($\tau_W$)", ylabel=", ".join(courses), xlim=(0, times[-1]))
