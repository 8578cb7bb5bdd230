"""One picture of a finished sweep: what came out, and how far to trust it."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from ntadyn.maps.border import BORDER, INTERVAL, Border, border as border_of
from ntadyn.maps.regimes import THRESHOLDS, Thresholds
from ntadyn.maps.repetitions import codes, finished
from ntadyn.maps.summary import ERRORS, score_names, summarise
from ntadyn.plotting.border import draw_band, draw_border, draw_crossings
from ntadyn.plotting.maps import plot_axes, title_of
from ntadyn.plotting.slices import draw_regime_shares, draw_repetitions, draw_slices
from ntadyn.plotting.style import WIDTH, house_style
from ntadyn.plotting.sweep_maps import draw_average, draw_error, draw_regimes, draw_spread, mark_separatrix
from ntadyn.results.dataset_axes import axis_names, plane


def doubt_figure(
    dataset: xr.Dataset,
    score: str = "alignment",
    level: float = BORDER,
    thresholds: Thresholds = THRESHOLDS,
) -> Figure:
    """Average with its border, spread of the repetitions, regimes, error estimates and slices.

    A sweep over more than two axes is drawn at the middle of all but the first two, which the title says.

    Args:
        dataset: a sweep.
        score: which score.
        level: level of the border.
        thresholds: where the regimes end.

    Returns:
        The figure, not yet written.

    Raises:
        ValueError: if this is not a sweep, or has no such score.
    """
    if score not in score_names(dataset):
        raise ValueError(f"{score!r} is not a score of this sweep; choose one of {', '.join(score_names(dataset))}.")
    shown, notes = plane(dataset)
    summary = summarise(shown, thresholds)
    border = border_of(shown, score, level)
    # A summary keeps the shape of the cells, so both kinds of picture read from the same three.
    draw = _maps if len(axis_names(shown)) == 2 else _lines
    with house_style():
        figure = draw(shown, summary, border, score)
        seeds, failures, missing = shown.sizes["seed"], *(int(summary[name].sum()) for name in ("failures", "not_run"))
        number = f"{seeds} repetition{'s' if seeds != 1 else ''} per cell"
        size = shown["result"].size
        trouble = f"{failures} of {size - missing} trajectories failed and are left out" if failures else ""
        rest = f"{missing} of {size} trajectories were not run" if missing else ""
        parts = (title_of(shown), number, *notes, trouble, rest)
        figure.suptitle("; ".join(part for part in parts if part), fontsize=9)
    return figure


def _maps(dataset: xr.Dataset, summary: xr.Dataset, border: Border, score: str) -> Figure:
    figure, axes = plt.subplots(2, 3, figsize=(1.95 * WIDTH, 1.12 * WIDTH))
    mean, spread, regimes, error, along_columns, along_rows = axes.flat
    low, high = (f"{100 * end:.0f}" for end in INTERVAL)
    interval = f", {low} to {high} % of resamples" if border.num_resamples else ""
    _bar(mean, draw_average(mean, summary, score), f"mean {_name(score)}")
    mean.set_title(f"mean, border at {border.level:g}{interval}", pad=10)
    if np.isfinite(summary[f"{score}_sd"].values).any():
        _bar(spread, draw_spread(spread, summary, score), f"standard deviation of {_name(score)}")
        spread.set_title("spread of the repetitions")
    else:
        _nothing(spread, "fewer than two repetitions ended well:\nspread unknown")
    _regime_panel(regimes, summary)
    _error_panel(error, summary)
    draw_band(mean, summary, border)
    for ax, color in ((mean, "white"), (spread, "white"), (regimes, "black"), (error, "white")):
        if ax.has_data():
            draw_border(ax, summary, border, color)
    for ax in (mean, error):
        if ax.has_data():
            mark_separatrix(ax, summary)
    first, second = axis_names(dataset)
    axis_of = dict(zip((first, second), plot_axes(dataset), strict=True))
    for ax, along, across in ((along_columns, second, first), (along_rows, first, second)):
        places = _spread_out(dataset.sizes[across])
        lines = draw_slices(ax, dataset, along, places, score)
        _point_at_slices(
            mean, axis_of[across].values[list(places)], across == first, [line.get_color() for line in lines]
        )
        ax.axhline(border.level, color="0.7", linewidth=0.6, zorder=-1)
        _legend_above(ax, f"median, middle half, all repetitions at\n{axis_of[across].label}")
    return figure


def _lines(dataset: xr.Dataset, summary: xr.Dataset, border: Border, score: str) -> Figure:
    (along,) = axis_names(dataset)
    errors = [name for name in ERRORS if name in dataset]
    shares = "regime_fraction" in summary
    number = 1 + shares + bool(errors)
    figure, axes = plt.subplots(
        number, 1, figsize=(1.2 * WIDTH, 0.4 + 0.42 * WIDTH * number), squeeze=False, sharex=True
    )
    panels = list(axes[:, 0])
    draw_slices(panels[0], dataset, along, score=score)
    panels[0].axhline(border.level, color="0.7", linewidth=0.6, zorder=-1)
    panels[0].set_title(f"median, middle half, all repetitions; line: mean crosses {border.level:g}, with interval")
    if shares:
        handles = draw_regime_shares(panels[1], summary)
        panels[1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for ax in panels[: 1 + shares]:
        draw_crossings(ax, dataset, border)
    if errors:
        x = plot_axes(dataset)[0].values
        for name, color in zip(errors, ("black", "C3"), strict=False):
            values = finished(dataset, name)
            crossed = (codes(dataset) > 0) | np.isinf(values)
            draw_repetitions(
                panels[-1], x, np.where(crossed, np.nan, values), crossed, color, _name(name.removesuffix("_error"))
            )
        panels[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        panels[-1].set_yscale("log")
        panels[-1].set(ylabel="change, all steps halved", xlabel=plot_axes(dataset)[0].label)
    for ax in panels[:-1]:
        ax.set_xlabel("")
    return figure


def _point_at_slices(ax: Axes, positions: np.ndarray, of_rows: bool, colors: list) -> None:
    """Arrowheads at the edge of a map, in the colours of the slices that were taken there."""
    transform = ax.get_yaxis_transform() if of_rows else ax.get_xaxis_transform()
    for position, color in zip(positions, colors, strict=True):
        place = (1.02, position) if of_rows else (position, 1.02)
        ax.plot(*place, marker="<" if of_rows else "v", color=color, markersize=4, transform=transform, clip_on=False)


def _regime_panel(ax: Axes, summary: xr.Dataset) -> None:
    if "regime_fraction" not in summary:
        _nothing(ax, "the contrast was not kept:\nno regimes")
        return
    handles = draw_regimes(ax, summary)
    look = {"fontsize": 7, "handlelength": 1.2, "columnspacing": 0.8}
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(handles), **look)
    ax.set_title("regimes of the repetitions")


def _error_panel(ax: Axes, summary: xr.Dataset) -> None:
    name = next((f"{error}_max" for error in ERRORS if f"{error}_max" in summary), None)
    unresolved = name is not None and bool(summary[f"{name.removesuffix('_max')}_unresolved"].values.any())
    if name is None or not np.isfinite(summary[name].values).any():
        _nothing(ax, "no error is resolved" if unresolved else "errors were not estimated")
        return
    what = _name(name.removesuffix("_error_max"))
    _bar(ax, draw_error(ax, summary, name), f"largest change of {what}")
    known, possible = int(np.isfinite(summary[name].values).sum()), int((summary["finished"].values > 0).sum())
    sampled = f", {known} of {possible} cells" if known < possible else ""
    rings = "; rings: separatrix" if "separatrix" in summary and summary["separatrix"].values.any() else ""
    hatches = "\nhatched: unresolved" if unresolved else ""
    ax.set_title(f"all steps halved{sampled}{rings}{hatches}")


def _legend_above(ax: Axes, title: str) -> None:
    """A legend that no line runs through."""
    look = {"fontsize": 7, "title_fontsize": 8, "columnspacing": 1.0, "handlelength": 1.5}
    legend = ax.legend(title=title, loc="lower center", bbox_to_anchor=(0.5, 0.97), ncols=3, **look)
    legend.get_title().set_horizontalalignment("center")


def _nothing(ax: Axes, text: str) -> None:
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)


def _bar(ax: Axes, mesh: QuadMesh, label: str) -> None:
    assert ax.figure is not None
    low, _ = mesh.get_clim()
    values = mesh.get_array()
    below = values is not None and np.ma.count(values) > 0 and low is not None and values.min() < low
    ax.figure.colorbar(mesh, ax=ax, extend="min" if below else "neither", label=label)


def _spread_out(number: int) -> tuple[int, ...]:
    """Three places spread over an axis, fewer if it has fewer."""
    return tuple(sorted({round(share * (number - 1)) for share in (0.15, 0.5, 0.85)}))


def _name(score: str) -> str:
    return {"alignment": "total alignment", "gate": "any gate"}.get(score, score.replace("_", " "))
