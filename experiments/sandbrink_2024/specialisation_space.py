"""Specialisation over gates, and the two symmetries that the published exact solution takes for granted.

Figures A10, A11 and panel H of figure 4 are made of this, with their published labels: the first target in force is
(0, 1), path 1 suits it, and errors are eps = y - (0, 1), whatever the smooth target does at that moment.
"""

import dataclasses
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness.acceptance import Acceptance, near, single
from ntadyn.plotting.specialisation import specialisation_curves as draw_specialisation
from ntadyn.plotting.style import house_style
from ntadyn.verification import Check, Curves

HARDNESS, BLOCK_DURATION = 100.0, 5.0  # of the smooth target in all of these runs

_SERIES = ("ratio", "record")
_SHAPES = {"gates": (*_SERIES, "path"), "weights": (*_SERIES, "path", "output")}


def dataset_of(curves: Curves) -> xr.Dataset:
    """Labelled curves, with what the panels show besides.

    Args:
        curves: for several ratios of time constants.

    Returns:
        Dataset over (ratio, record), with `wbar_1` and `wbar_2`, the paths' differences along outputs 1 and 2, `wdbar`,
        and `error_1` = y_1 and `error_2` = y_2 - 1.
    """
    fields = {item.name: np.asarray(getattr(curves, item.name)) for item in dataclasses.fields(curves)}
    ratios, times = fields.pop("ratios"), fields.pop("times")
    weights = fields["weights"]
    error = np.einsum("rtp,rtpo->rto", fields["gates"], weights) - np.array([0.0, 1.0])
    dataset = xr.Dataset(
        {name: (_SHAPES.get(name, _SERIES), values) for name, values in fields.items()},
        {"ratio": ratios, "time": ("record", times, {"units": "tau_W"})},
    )
    return dataset.assign(
        wbar_1=(_SERIES, weights[..., 1, 0] - weights[..., 0, 0]),
        wbar_2=(_SERIES, weights[..., 0, 1] - weights[..., 1, 1]),
        wdbar=(_SERIES, 0.5 * (weights[..., 1].sum(-1) - weights[..., 0].sum(-1))),
        error_1=(_SERIES, error[..., 0]),
        error_2=(_SERIES, error[..., 1]),
    )


def curves_of(dataset: xr.Dataset) -> Curves:
    """The inverse of `dataset_of`."""
    names = {item.name for item in dataclasses.fields(Curves)} - {"ratios", "times"}
    fields = {name: dataset[name].values for name in names}
    return Curves(ratios=dataset.ratio.values, times=dataset.time.values, **fields)


def row_of(check: Check, note: str) -> Acceptance:
    """A check of the library as a row of a table."""
    return near(check.name, check.expected, check.bar, single(check.measured), note)


def draw_figure(flow: xr.Dataset, title: str) -> Figure:
    """Six panels: wbar over cbar; the two assumptions; errors, wbar and wdbar, cbar over time.

    Args:
        flow: from `dataset_of`.
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
        flow: from `dataset_of`.

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
