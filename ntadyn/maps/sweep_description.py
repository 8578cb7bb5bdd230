"""A sweep as lines of text: axes, outcome, regimes, errors, border, uncertain cells, sources of variance."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from ntadyn.maps.border import Border, border as border_of
from ntadyn.maps.regimes import THRESHOLDS, Thresholds
from ntadyn.maps.repetitions import STREAMS, factors, not_varied, successful_values
from ntadyn.maps.summary import JITTER, error_names, regime_table, score_names, summarise
from ntadyn.maps.uncertainty import INTERVAL, cell_intervals, weights_of
from ntadyn.maps.variance import variance_table
from ntadyn.results.dataset_axes import SEED, DatasetAxis, axis_names, dataset_axes
from ntadyn.results.slicing import At, Slice, slice_of
from ntadyn.results.text import columns_of, counted

# Rows of a border that are printed at most.
BORDER_ROWS = 8
# Uncertain cells that are listed at most.
UNCERTAIN_CELLS = 12
# Values of an axis that are named one by one at most.
NAMES_SHOWN = 8


def sweep_title(dataset: xr.Dataset) -> str:
    """One line that says how large a sweep is."""
    sizes = [dataset.sizes[name] for name in axis_names(dataset)]
    cells = f"{' x '.join(map(str, sizes))} cells" if sizes else "one cell"
    name = f" {dataset.attrs['name']!r}" if "name" in dataset.attrs else ""
    trajectories = counted(dataset["result"].size, "trajectory", "trajectories")
    return f"sweep{name}: {cells}, {counted(dataset.sizes[SEED], 'repetition')}, {trajectories}"


def describe_sweep(
    dataset: xr.Dataset,
    score: str,
    level: float,
    thresholds: Thresholds = THRESHOLDS,
    at: At | None = None,
) -> dict[str, list[str]]:
    """What a sweep holds, section by section.

    Args:
        dataset: a sweep.
        score: the score of border, uncertain cells and variance table.
        level: level of the border.
        thresholds: where the regimes end.
        at: where axes are held for the border, see `slice_of`.

    Returns:
        Heading -> indented lines.

    Raises:
        ValueError: if this is not a sweep, or has no such score or slice.
    """
    successful_values(dataset, score)
    part = slice_of(dataset, at)
    summary = summarise(dataset, thresholds, score=score, level=level)
    sections = {"axes": _axes(dataset)}
    if part.held:
        sections["slice"] = _slice(part)
    sections["outcome"] = _outcome(dataset, summary)
    if "regime_fraction" in summary:
        sections[f"regimes ({thresholds})"] = _regimes(summary)
    errors = _errors(dataset)
    sections["change when all steps are halved"] = errors or ["  not estimated"]
    if "separatrix" in summary:
        sections[f"separatrix (relative jitter of the start: {JITTER:g})"] = _separatrix(dataset, summary)
    border = border_of(part.dataset, score, level)
    interval = f"{_percent()} interval from {border.num_resamples} resamples"
    if not border.num_resamples:
        interval = "one repetition: interval unknown"
    place = f"; {part.title}" if part.held else ""
    sections[f"border: mean {score} = {level:g} ({interval}{place})"] = _border(dataset_axes(part.dataset), border)
    heading = f"uncertain cells ({_percent()} interval of the mean {score} holds {level:g}{place})"
    sections[heading] = _uncertain(part, score, level, int(summary["uncertain"].sum()), summary["uncertain"].size)
    variance = _variance(dataset, score)
    if variance:
        sections[f"variance of {score} over repetitions"] = variance
    return sections


def _percent() -> str:
    return f"{100 * (INTERVAL[1] - INTERVAL[0]):.0f} %"


def _slice(part: Slice) -> list[str]:
    rows = []
    for held in part.held:
        axis = held.axis
        how = f"nearest to {held.asked}" if held.asked is not None else f"the middle of {len(axis.values)} values"
        rows.append((f"{axis.name} = {axis.text(held.place)}", how))
    advice = []
    if any(held.asked is None for held in part.held):
        free = next(held.axis for held in part.held if held.asked is None)
        advice = [f"  choose another one with --at {free.name}=VALUE, which may be given for every axis"]
    return columns_of(rows) + advice


def _uncertain(part: Slice, score: str, level: float, in_all: int, cells: int) -> list[str]:
    """The cells of a slice whose side of the border the repetitions do not decide, the most open ones first."""
    axes = dataset_axes(part.dataset)
    values = successful_values(part.dataset, score)
    found = cell_intervals(values, weights_of(part.dataset), level)
    number = int(found.uncertain.sum())
    line = f"  {number} of {counted(found.uncertain.size, 'cell')}"
    if part.held:
        line += f"; of the whole sweep {in_all} of {cells:,}"
    if values.shape[-1] == 1:
        return [f"{line}: one repetition leaves every cell open"]
    if not number:
        return [line]
    # A single repetition that ended well has no interval, and is told last.
    openness = np.where(found.lower < found.upper, np.abs(found.probability - 0.5), 1.0)
    places = np.argwhere(found.uncertain)
    order = np.argsort(openness[found.uncertain], kind="stable")
    rows: list[tuple[str, ...]] = [(*(axis.name for axis in axes), "mean", "from", "to", "above in")]
    for place in map(tuple, places[order[:UNCERTAIN_CELLS]].tolist()):
        where = (axis.text(index) for axis, index in zip(axes, place, strict=True))
        numbers = (f"{item[place]:.4g}" for item in (found.average, found.lower, found.upper))
        rows.append((*where, *numbers, f"{100 * found.probability[place]:.0f} % of resamples"))
    left = number - len(rows) + 1
    return [line, *columns_of(rows)] + ([f"  and {left} that lean more to one side"] if left else [])


def _axes(dataset: xr.Dataset) -> list[str]:
    rows = []
    for axis in dataset_axes(dataset):
        count = f"{len(axis.values)} value{'s' if len(axis.values) > 1 else ''}"
        across = [item for item in dataset.coords.values() if item.dims == (axis.name,)]
        named = [item for item in across if "parameter" in item.attrs] or across
        for item in named:
            text = item.values
            span = _span(text) if np.issubdtype(text.dtype, np.number) else _list(text)
            rows.append(
                (axis.name, count, span, str(item.attrs.get("parameter", "")), str(item.attrs.get("long_name", "")))
            )
        if not named:
            rows.append((axis.name, count, "", "", ""))
    streams = ", ".join(f"{factor.num_levels} of {factor.name}" for factor in factors(dataset) if factor.streams)
    fixed = ", ".join(STREAMS[stream] for stream in not_varied(dataset))
    known = any(stream in dataset.coords for stream in STREAMS)
    how = f"draws: {streams}{'; ' if fixed else ''}{f'not varied: {fixed}' if fixed else ''}" if known else ""
    rows.append((SEED, f"{dataset.sizes[SEED]} repetition{'s' if dataset.sizes[SEED] > 1 else ''}", how, "", ""))
    return columns_of(rows)


def _span(values: np.ndarray) -> str:
    if len(values) <= 3:
        return ", ".join(f"{value:.4g}" for value in values)
    return f"{values[0]:.4g}, {values[1]:.4g} ... {values[-1]:.4g}"


def _list(names: np.ndarray) -> str:
    shown = [str(name) for name in names[:NAMES_SHOWN]]
    return ", ".join(shown if len(names) <= NAMES_SHOWN else [*shown, f"... {names[-1]}"])


def _outcome(dataset: xr.Dataset, summary: xr.Dataset) -> list[str]:
    codes = dataset["result"]
    failed, run = codes > 0, codes >= 0
    failures = int(failed.sum())
    line = f"  {failures} of {int(run.sum())} trajectories failed"
    if failures:
        cells = int(failed.any(SEED).sum())
        diverged = int((codes == 1).sum())
        line += f", in {cells} of {codes.size // codes.sizes[SEED]} cells: {diverged} diverged"
        line += f", {failures - diverged} for other reasons; left out below"
    if not run.all():
        line += f"; {int((~run).sum())} were not run, and are left out below"
    rows: list[tuple[str, ...]] = [("score", "mean", "cells from", "to", "sd of repetitions: median", "largest")]
    for name in score_names(dataset):
        mean, sd = (summary[f"{name}_{what}"].values for what in ("mean", "sd"))
        values = successful_values(dataset, name)
        numbers = [(values, np.mean), (mean, np.min), (mean, np.max), (sd, np.median), (sd, np.max)]
        rows.append((name, *(_number(*item) for item in numbers)))
    return [line, *columns_of(rows)]


def _number(values: np.ndarray, statistic: Callable[[np.ndarray], np.floating]) -> str:
    known = values[np.isfinite(values)]
    return f"{statistic(known):.4g}" if known.size else "-"


def _regimes(summary: xr.Dataset) -> list[str]:
    cells = int(((summary["finished"] + summary["failures"]) > 0).sum())
    rows: list[tuple[str, ...]] = [("regime", "trajectories", "most frequent in")]
    for name, (share, most) in regime_table(summary).items():
        rows.append((name, f"{100 * share:.1f} %", f"{most} of {cells} cells"))
    return columns_of(rows)


def _errors(dataset: xr.Dataset) -> list[str]:
    rows: list[tuple[str, ...]] = [("", "trajectories", "median", "95 % below", "largest", "at")]
    unresolved = []
    for name in error_names(dataset):
        values = successful_values(dataset, name)
        infinite = int(np.isinf(values).sum())
        if infinite:
            unresolved.append(f"  {name}: {infinite} more are unresolved: with halved steps they did not end well")
        known = values[np.isfinite(values)]
        if known.size == 0:
            rows.append((name, "0", "-", "-", "-", ""))
            continue
        cell = np.unravel_index(np.nanargmax(np.where(np.isfinite(values), values, np.nan)), values.shape)
        place = ", ".join(
            f"{axis.name} {axis.text(int(i))}" for axis, i in zip(dataset_axes(dataset), cell, strict=False)
        )
        low, high = np.quantile(known, (0.5, 0.95))
        rows.append((name, str(known.size), f"{low:.1e}", f"{high:.1e}", f"{known.max():.1e}", place))
    return columns_of(rows) + unresolved if len(rows) > 1 else []


def _separatrix(dataset: xr.Dataset, summary: xr.Dataset) -> list[str]:
    sampled = int(np.isfinite(summary["amplification"]).sum())
    trajectories = int(np.isfinite(successful_values(dataset, "perturbation")).sum())
    marked, limit = int(summary["separatrix"].sum()), summary.attrs["amplification_threshold"]
    return [
        f"  {marked} of {sampled} sampled cells amplify it more than {limit:,.0f} times ({trajectories} trajectories)"
    ]


def _border(axes: tuple[DatasetAxis, ...], border: Border) -> list[str]:
    column = axes[-1]
    if column.names is not None:
        return [f"  none: the values of {column.name} are names or out of order, with nothing between them"]
    if not border.crossings:
        finite = border.average[np.isfinite(border.average)]
        if not finite.size:
            return ["  every trajectory failed"]
        above = finite >= border.level
        if above.all() or not above.any():
            return [f"  not crossed: every cell is {'above' if above.all() else 'below'}"]
        return [f"  runs along {column.name}, which no row crosses"]
    crossed = sorted({crossing.row for crossing in border.crossings})
    chosen = {crossed[index] for index in np.linspace(0, len(crossed) - 1, BORDER_ROWS).round().astype(int)}
    head = (column.name, "from", "to", "between columns", "")
    rows: list[tuple[str, ...]] = [(axes[0].name, *head) if len(axes) == 2 else head]
    for crossing in (crossing for crossing in border.crossings if crossing.row in chosen):
        gap = int(np.sum((column.values < crossing.position) == (column.values[0] < column.values[-1]))) - 1
        gap = min(max(gap, 0), len(column.values) - 2)
        ends = tuple(_end(end, column) for end in (crossing.low, crossing.high))
        between = f"{column.text(gap)} and {column.text(gap + 1)}"
        cells = (f"{crossing.position:.4g}", *ends, between, "rising" if crossing.rising else "falling")
        rows.append((axes[0].text(crossing.row), *cells) if len(axes) == 2 else cells)
    left = len(crossed) - len(chosen)
    return columns_of(rows) + ([f"  and {left} rows between these"] if left else [])


def _end(end: float, column: DatasetAxis) -> str:
    if np.isnan(end):
        return "unknown"
    if np.isinf(end):
        return f"{'<' if end < 0 else '>'} {(np.min if end < 0 else np.max)(column.values):.4g}"
    return f"{end:.4g}"


def _variance(dataset: xr.Dataset, score: str) -> list[str]:
    """The variance table; nothing where the streams were not varied separately."""
    if sum(bool(factor.streams) for factor in factors(dataset)) < 2:
        return []
    try:
        table = variance_table(dataset, score)
    except ValueError as error:
        return [f"  not available: {error}"]
    rows = [("source", "share", "standard error", "degrees of freedom")]
    for item in table.shares:
        error = "unknown" if np.isnan(item.standard_error) else f"{100 * item.standard_error:.1f} %"
        rows.append((item.source, f"{100 * item.share:.1f} %", error, str(item.degrees_of_freedom)))
    rows += [(name, "not varied", "", "") for name in table.not_varied]
    left = f", {table.num_left_out} with failures left out" if table.num_left_out else ""
    return columns_of(rows) + [f"  variance {table.variance:.3g}, mean of {table.num_cells} cells{left}"]
