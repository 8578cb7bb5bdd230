"""The result of a contest as text: what was learned and kept, and at what price."""

import textwrap
from collections.abc import Sequence

import numpy as np
import xarray as xr

from ntadyn.arena.measures import last_cycle

WIDTH = 120
NEEDS = {"needs_boundaries": "B", "needs_task_ids": "I", "sees_all_tasks": "A"}
LEGEND = (
    "needs: B to be told when tasks change, I which task it is, A examples of tasks not in force (an oracle).",
    "adapting: time until the loss is below the threshold, first and last quarter; * never in some blocks, which count",
    "whole. in force: mean loss on the task in force, last quarter. At the end, means over practised tasks: as it is;",
    "adapted, after gates alone have adapted for a tenth of a block (+: in a way of its own, at no cost in time);",
    "latent, with the best nonnegative gates. forgets: the adapted loss over its least. spread: of the adapted loss,",
    "standard deviation over repetitions. state: numbers carried along beside the parameters; notes say where examples",
    "are kept as well. gradients: per fresh example, without what happens at the ends of blocks. seconds: of all",
    "repetitions, readings included; XLA: how many of them it compiled. composite, new: latent loss on the mean of two",
    "practised tasks, and on a task of random directions. What no grid is printed for is fixed.",
)


def table(dataset: xr.Dataset) -> list[str]:
    """The lines of two tables and their legend.

    Args:
        dataset: of `run_contest`.
    """
    is_data = "accuracy" in dataset
    lines = _aligned(_learning_heading(is_data), [_learning(dataset, row, is_data) for row in range(_rows(dataset))])
    bound = dataset.attrs["bound_without_context"]
    if np.isfinite(bound):
        lines.append(
            f"for comparison: no single map is better than {bound:.3f} on average; with gates for each task, 0."
        )
    if published := dataset.attrs.get("published"):
        lines += textwrap.wrap(published, WIDTH)
    heading = ("", "parameters", "state", "gradients", "seconds", "XLA", *_held_out_heading(dataset))
    lines += ["", *_aligned(heading, [_price(dataset, row) for row in range(_rows(dataset))])]
    lines += ["", *LEGEND, *_told(dataset)]
    return lines


def _rows(dataset: xr.Dataset) -> int:
    return dataset.sizes["row"]


def _learning_heading(is_data: bool) -> tuple[str, ...]:
    head = ("", "needs", "adapting", "in force", "as it is", "adapted", "latent", "forgets", "spread")
    return (*head, "accuracy", "forgets") if is_data else head


def _learning(dataset: xr.Dataset, index: int, is_data: bool) -> tuple[str, ...]:
    row = dataset.isel(row=index)
    tasks = np.unique(dataset.attrs["block_tasks"])
    cycle = last_cycle(len(dataset.attrs["block_tasks"]))
    durations = np.diff(dataset.attrs["edges"])
    adaptation, censored = row.adaptation.values, row.censored.values
    first, last = slice(None, cycle), slice(-cycle, None)
    times = "/".join(f"{adaptation[:, at].mean():.2f}{'*' * bool(censored[:, at].any())}" for at in (first, last))
    in_force = (row.area.values / durations)[:, last].mean()
    ends = [row[name].values[:, -1][:, tasks].mean(axis=1) for name in ("behavioural", "adapted", "latent")]
    forgets = row.adapted_forgetting.values[:, tasks].mean()
    needs = "".join(letter for name, letter in NEEDS.items() if bool(row[name]))
    spread = ends[1].std(ddof=1) if len(ends[1]) > 1 else float("nan")
    told = [f"{end.mean():.3f}" for end in ends]
    told[1] += "+" * bool(row.adapts_in_its_own_way)
    cells = [str(row.row.values), needs or "-", times, f"{in_force:.3f}", *told]
    cells += [f"{forgets:.3f}", f"{spread:.3f}"]
    if is_data:
        accuracy = row.accuracy.values[:, :, tasks]
        lost = accuracy.max(axis=1) - accuracy[:, -1]
        cells += [f"{accuracy[:, -1].mean():.3f}", f"{lost.mean():.3f}"]
    failed = int((row.result.values > 0).sum())
    return (*cells[:-1], f"{cells[-1]}  {failed} failed") if failed else tuple(cells)


def _held_out_heading(dataset: xr.Dataset) -> tuple[str, ...]:
    return ("composite", "new") if "held_out_latent" in dataset else ()


def _price(dataset: xr.Dataset, index: int) -> tuple[str, ...]:
    row = dataset.isel(row=index)
    numbers = (f"{int(row.parameters):,}", f"{int(row.state_floats):,}", f"{float(row.gradients_per_sample):g}")
    seconds = (f"{float(row.seconds):.1f}", f"{float(row.compile_seconds):.1f}")
    others = (f"{value:.3f}" for value in row.held_out_latent.values.mean(axis=0)) if "held_out_latent" in row else ()
    return (str(row.row.values), *numbers, *seconds, *others)


def _told(dataset: xr.Dataset) -> list[str]:
    """What was tried, what a reader must know of single rows, and complaints."""
    found = []
    for index in range(_rows(dataset)):
        row = dataset.isel(row=index)
        tried, note, complaint = (str(row[name].values) for name in ("tried", "note", "complaints"))
        if tried and str(row.row.values).endswith("tuned"):
            found.append(f"{row.row.values}: {float(row.value):g}; criterion, on what is not reported: {tried}")
        if note and not str(row.row.values).endswith("tuned"):
            found.append(f"{row.row.values}: {note}")
        if complaint:
            found.append(f"{row.row.values}: {complaint}")
    return ["", *found] if found else []


def _aligned(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width, the first to the left, the others to the right."""
    widths = [max(len(line[column]) for line in (heading, *rows)) for column in range(len(heading))]

    def one(line: Sequence[str]) -> str:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        return "  ".join(cells).rstrip()

    return [one(heading), *(one(row) for row in rows)]
