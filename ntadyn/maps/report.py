"""A finished sweep as lines of text: axes, outcome, regimes, errors, border, sources of variance."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from ntadyn.maps.border import INTERVAL, Border, border as border_of
from ntadyn.maps.regimes import THRESHOLDS, Thresholds
from ntadyn.maps.repetitions import STREAMS, factors, finished, not_varied
from ntadyn.maps.summary import ERRORS, JITTER, SENSITIVE, regime_table, score_names, summarise
from ntadyn.maps.variance import variance_table
from ntadyn.results.dataset_axes import SEED, DatasetAxis, dataset_axes, plane
from ntadyn.results.text import printable

# Rows of a border that are printed at most.
BORDER_ROWS = 8
# Of the last column, which pushes nothing aside: commands are long.
LONGEST_CELL = 1500
# Values of an axis that are named one by one at most.
NAMES_SHOWN = 8


def columns_of(rows: list[tuple[str, ...]], indent: str = "  ") -> list[str]:
    """Rows of a table with columns aligned to the left; what would run on or break the line is cut or escaped."""
    rows = [(*map(printable, row[:-1]), printable(row[-1], LONGEST_CELL)) for row in rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    return [
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def describe_sweep(
    dataset: xr.Dataset, score: str, level: float, thresholds: Thresholds = THRESHOLDS
) -> dict[str, list[str]]:
    """What a sweep holds, section by section.

    Args:
        dataset: a sweep.
        score: the score of border and variance table.
        level: level of the border.
        thresholds: where the regimes end.

    Returns:
        Heading -> indented lines.

    Raises:
        ValueError: if this is not a sweep, or has no such score.
    """
    finished(dataset, score)
    summary = summarise(dataset, thresholds)
    sections = {"axes": _axes(dataset), "outcome": _outcome(dataset, summary)}
    if "regime_fraction" in summary:
        sections[f"regimes ({thresholds})"] = _regimes(summary)
    errors = _errors(dataset)
    sections["change when all steps are halved"] = errors or ["  not estimated"]
    if "separatrix" in summary:
        sections[f"separatrix (relative jitter of the start: {JITTER:g})"] = _separatrix(dataset, summary)
    shown, notes = plane(dataset)
    border = border_of(shown, score, level)
    interval = f"{100 * (INTERVAL[1] - INTERVAL[0]):.0f} % interval from {border.num_resamples} resamples"
    if not border.num_resamples:
        interval = "one repetition: interval unknown"
    place = f"; {', '.join(notes)}" if notes else ""
    sections[f"border: mean {score} = {level:g} ({interval}{place})"] = _border(dataset_axes(shown), border)
    variance = _variance(dataset, score)
    if variance:
        sections[f"variance of {score} over repetitions"] = variance
    return sections


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
        numbers = [(finished(dataset, name), np.mean), (mean, np.min), (mean, np.max), (sd, np.median), (sd, np.max)]
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
    for name in (name for name in ERRORS if name in dataset):
        values = finished(dataset, name)
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
    trajectories = int(np.isfinite(finished(dataset, "perturbation")).sum())
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


def run_summary(dataset: xr.Dataset) -> str:
    """How a run went: trajectories, failures, error, step, compile and run time, rate.

    Args:
        dataset: a sweep as `run_sweep` or `refine_sweep` returns it.
    """
    codes = dataset["result"].values
    run = codes >= 0
    number, failed = int(run.sum()), int((codes > 0).sum())
    seconds, computed = float(dataset.attrs["run_seconds"]), int(dataset.attrs.get("computed", number))
    found = f"{number - computed:,} of them were found finished; " if computed < number else ""
    lines = [
        f"{dataset.attrs['name']}: {number:,} trajectories in {run.any(-1).sum():,} of {codes[..., 0].size:,} cells, "
        f"{failed:,} failed; step at most {dataset.attrs['max_step']:.2g}, {dataset.attrs['precision']}",
        f"  {found}compiled in {float(dataset.attrs['compile_seconds']):.1f} s, ran in {seconds:.1f} s"
        + (f": {computed / seconds:,.0f} trajectories per second" if seconds > 0 and computed > 0 else ""),
    ]
    if "gate_error" in dataset:
        errors, jumps = (dataset[name].values for name in ("gate_error", "perturbation"))
        steady = np.isfinite(errors) & (jumps < SENSITIVE * JITTER)
        if steady.any():
            median, most = np.quantile(errors[steady], (0.5, 0.99))
            lines.append(
                f"  halving all steps moves gates by {median:.1e} (median), {most:.1e} (99 % below) in "
                f"{int(steady.sum()):,} checked trajectories; {int((np.isfinite(errors) & ~steady).sum()):,} more "
                f"amplify a jitter of their start more than {SENSITIVE:g} times"
            )
        unresolved = int(np.isinf(errors).sum())
        if unresolved:
            lines.append(f"  {unresolved:,} more are unresolved: with halved steps they did not end well")
    return "\n".join(lines)
