"""One picture of a sweep: what came out, and how far to trust it."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ntadyn.maps.border import BORDER, INTERVAL, Border, border as border_of
from ntadyn.maps.regimes import THRESHOLDS, Thresholds
from ntadyn.maps.repetitions import codes, successful_values
from ntadyn.maps.summary import chosen_score, error_names, summarise
from ntadyn.plotting.border import border_handles, draw_band, draw_border, draw_crossings
from ntadyn.plotting.cells import FAILED, FAILURE, plot_axes, title_of
from ntadyn.plotting.labels import settings_title
from ntadyn.plotting.slices import draw_regime_shares, draw_repetitions, draw_slices, slice_handles
from ntadyn.plotting.style import WIDTH, house_style, line_looks
from ntadyn.plotting.summary_maps import (
    UNCERTAIN,
    draw_average,
    draw_error,
    draw_regimes,
    draw_spread,
    mark_separatrix,
    mark_uncertain,
)
from ntadyn.results.dataset_axes import axis_names
from ntadyn.results.quantities import label_of
from ntadyn.results.slicing import At, slice_of


def sweep_overview(
    dataset: xr.Dataset,
    score: str | None = None,
    level: float = BORDER,
    thresholds: Thresholds = THRESHOLDS,
    at: At | None = None,
) -> Figure:
    """Average with its border, spread of the repetitions, regimes, error estimates and slices.

    Of a sweep over more than two axes a slice is drawn, and the title says which.

    Args:
        dataset: a sweep.
        score: which score; the alignment, or the first one, if omitted.
        level: level of the border.
        thresholds: where the regimes end.
        at: where axes are held, see `slice_of`.

    Returns:
        The figure, not yet written.

    Raises:
        ValueError: if this is not a sweep, or has no such score or slice.
    """
    score = chosen_score(dataset, score)
    part = slice_of(dataset, at)
    shown = part.dataset
    summary = summarise(shown, thresholds, score=score, level=level)
    border = border_of(shown, score, level)
    # A summary keeps the shape of the cells, so both kinds of picture read from the same three.
    draw = _maps if len(axis_names(shown)) == 2 else _lines
    with house_style():
        figure, handles = draw(shown, summary, border, score)
        figure.legend(handles=_once(handles), loc="outside lower center", ncols=3, fontsize=7)
        seeds, failures, missing = shown.sizes["seed"], *(int(summary[name].sum()) for name in ("failures", "not_run"))
        number = f"{seeds} repetition{'s' if seeds != 1 else ''} per cell"
        size = shown["result"].size
        trouble = f"{failures} of {size - missing} trajectories failed and are left out" if failures else ""
        rest = f"{missing} of {size} trajectories were not run" if missing else ""
        parts = (title_of(shown), number, part.title, trouble, rest)
        lines = (settings_title(shown), "; ".join(text for text in parts if text))
        figure.suptitle("\n".join(line for line in lines if line), fontsize=9)
    return figure


def _maps(dataset: xr.Dataset, summary: xr.Dataset, border: Border, score: str) -> tuple[Figure, list[Artist]]:
    figure, axes = plt.subplots(2, 3, figsize=(1.95 * WIDTH, 1.22 * WIDTH))
    mean, spread, regimes, error, along_columns, along_rows = axes.flat
    name = label_of(score, dataset[score].attrs)
    _bar(mean, draw_average(mean, summary, score), f"mean {name}")
    # Room for the arrowheads of the slices.
    mean.set_title(f"mean, border at {border.level:g}", pad=10)
    if np.isfinite(summary[f"{score}_sd"].values).any():
        _bar(spread, draw_spread(spread, summary, score), f"standard deviation of {name}")
        spread.set_title("spread of the repetitions")
    else:
        _nothing(spread, "fewer than two repetitions ended well:\nspread unknown")
    _regime_panel(regimes, summary)
    hatches = _error_panel(error, dataset, summary, score)
    band = draw_band(mean, summary, border)
    lines = []
    for ax, color in ((mean, "white"), (spread, "white"), (regimes, "black"), (error, "white")):
        if ax.has_data():
            lines += draw_border(ax, summary, border, color)
    marks = [mark_uncertain(mean, summary)] if border.num_resamples else []
    marks += [mark_separatrix(ax, summary) for ax in (mean, error) if ax.has_data()]
    first, second = axis_names(dataset)
    axis_of = dict(zip((first, second), plot_axes(dataset), strict=True))
    for ax, along, across in ((along_columns, second, first), (along_rows, first, second)):
        places = _spread_out(dataset.sizes[across])
        medians = draw_slices(ax, dataset, along, places, score)
        _point_at_slices(
            mean, axis_of[across].values[list(places)], across == first, [line.get_color() for line in medians]
        )
        ax.axhline(border.level, color="0.7", linewidth=0.6, zorder=-1)
        _legend_above(ax, f"slices at\n{axis_of[across].label}")
    failed = [_failure_handle()] if bool((summary["failures"] > 0).any()) else []
    handles = [*(border_handles(band is not None) if lines else []), *filter(None, marks), *hatches, *failed]
    return figure, [*handles, *slice_handles()]


def _lines(dataset: xr.Dataset, summary: xr.Dataset, border: Border, score: str) -> tuple[Figure, list[Artist]]:
    (along,) = axis_names(dataset)
    errors = _errors_of(dataset, score)
    shares = "regime_fraction" in summary
    number = 1 + shares + bool(errors)
    figure, axes = plt.subplots(
        number, 1, figsize=(1.2 * WIDTH, 0.8 + 0.42 * WIDTH * number), squeeze=False, sharex=True
    )
    panels = list(axes[:, 0])
    draw_slices(panels[0], dataset, along, score=score)
    panels[0].axhline(border.level, color="0.7", linewidth=0.6, zorder=-1)
    if shares:
        handles = draw_regime_shares(panels[1], summary)
        panels[1].legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5))
    told = slice_handles()
    for ax in panels[: 1 + shares]:
        if draw_crossings(ax, dataset, border) and ax is panels[0]:
            told.append(Line2D([], [], color="black", linewidth=1.0, label=f"the mean crosses {border.level:g}"))
    if panels[0].patches:
        low, high = (f"{100 * end:.0f}" for end in INTERVAL)
        told.append(Patch(facecolor="0.6", alpha=0.4, label=f"where it may cross: {low} to {high} % of resamples"))
    if border.num_resamples and "uncertain" in summary and summary["uncertain"].values.any():
        told.append(_mark_line(panels[0], plot_axes(dataset)[0].values[summary["uncertain"].values], border.level))
    if bool((summary["failures"] > 0).any()):
        told.append(_failure_handle())
    if errors:
        x = plot_axes(dataset)[0].values
        for name, look in zip(errors, line_looks(len(errors)), strict=True):
            values = successful_values(dataset, name)
            crossed = (codes(dataset) > 0) | np.isinf(values)
            text = label_of(name).removeprefix("change of ")
            draw_repetitions(panels[-1], x, np.where(crossed, np.nan, values), crossed, text, look)
        lines = [line for line in panels[-1].lines if line.get_linestyle() != "None"]
        panels[-1].legend(handles=lines, loc="center left", bbox_to_anchor=(1.0, 0.5))
        panels[-1].set_yscale("log")
        panels[-1].set(ylabel="change, all steps halved", xlabel=plot_axes(dataset)[0].label)
    for ax in panels[:-1]:
        ax.set_xlabel("")
    return figure, told


def _mark_line(ax: Axes, x: np.ndarray, level: float) -> Line2D:
    (marks,) = ax.plot(x, np.full(len(x), level), "D", markerfacecolor="none", color="black", markersize=4)
    marks.set_label(UNCERTAIN)
    return marks


def _failure_handle() -> Line2D:
    return Line2D([], [], color=FAILURE, linestyle="none", marker="x", markersize=4, label=FAILED)


def _once(handles: Sequence[Artist]) -> list[Artist]:
    return list({str(handle.get_label()): handle for handle in reversed(handles)}.values())[::-1]


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


def _errors_of(dataset: xr.Dataset, score: str) -> tuple[str, ...]:
    """The errors that belong to a picture of a score: those of gates and alignment, or where there are none its own."""
    names, own = error_names(dataset), f"{score}_error"
    return (own,) if own in names and "gate_error" not in names else names


def _error_panel(ax: Axes, dataset: xr.Dataset, summary: xr.Dataset, score: str) -> list[Artist]:
    """The map of the error estimates; what its hatches mean, for a legend."""
    name = next((f"{error}_max" for error in _errors_of(dataset, score)), None)
    unresolved = name is not None and bool(summary[f"{name.removesuffix('_max')}_unresolved"].values.any())
    if name is None or not np.isfinite(summary[name].values).any():
        _nothing(ax, "no error is resolved" if unresolved else "errors were not estimated")
        return []
    _bar(ax, draw_error(ax, summary, name), f"largest {label_of(name.removesuffix('_max'))}")
    known, possible = int(np.isfinite(summary[name].values).sum()), int((summary["finished"].values > 0).sum())
    how = "error bars" if name.startswith("gate_bar") else "all steps halved"
    ax.set_title(f"{how}{f', {known} of {possible} cells' if known < possible else ''}")
    hatched = Patch(facecolor="none", edgecolor=FAILURE, hatch="////", linewidth=0, label="unresolved errors")
    return [hatched] if unresolved else []


def _legend_above(ax: Axes, title: str) -> None:
    """A legend that no line runs through."""
    handles = [line for line in ax.get_legend_handles_labels()[0] if line.get_label() != FAILED]
    look = {"fontsize": 7, "title_fontsize": 8, "columnspacing": 1.0, "handlelength": 2.2}
    legend = ax.legend(handles=handles, title=title, loc="lower center", bbox_to_anchor=(0.5, 0.97), ncols=3, **look)
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
