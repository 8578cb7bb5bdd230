"""What a result file holds, as lines of text: a sweep, a simulation or a plain data set."""

import xarray as xr

from ntadyn.maps.regimes import THRESHOLDS, Thresholds
from ntadyn.maps.sweep_description import describe_sweep, sweep_title
from ntadyn.results.dataset_axes import varied_parameters
from ntadyn.results.description import (
    dataset_title,
    describe_dataset,
    describe_simulation,
    provenance_lines,
    simulation_title,
    variables,
)
from ntadyn.results.result_file import Result
from ntadyn.results.result_format import Kind
from ntadyn.results.slicing import At
from ntadyn.results.text import columns_of, printable
from ntadyn.specs.differences import MISSING, Difference, differences_from_defaults, settings_of

LONGEST_LINE = 2000


def describe(
    result: Result,
    score: str,
    level: float,
    thresholds: Thresholds = THRESHOLDS,
    at: At | None = None,
) -> list[str]:
    """Everything about a result, as lines of text that are safe to print.

    Args:
        result: what was read.
        score: of a sweep, the score of border, uncertain cells and variance table.
        level: of a sweep, the level of its border.
        thresholds: of a sweep, where the regimes end.
        at: of a sweep, where axes are held, see `slice_of`.

    Returns:
        Lines.

    Raises:
        ValueError: if a sweep has no such score or no such slice.
    """
    dataset = result.dataset
    if result.kind is Kind.SWEEP:
        title, body = sweep_title(dataset), describe_sweep(dataset, score, level, thresholds, at)
    elif result.kind is Kind.SIMULATION:
        title, body = simulation_title(dataset), describe_simulation(dataset)
    else:
        title, body = dataset_title(dataset), describe_dataset(dataset)
    head = [title] + ([f"described as a plain data set: {result.lacking}"] if result.lacking else [])
    head += [f"warning: {line}" for line in str(dataset.attrs.get("warnings", "")).splitlines()]
    sections = body | {"variables": variables(dataset)} | _settings(dataset)
    sections["provenance"] = provenance_lines(dataset, result.compared)
    lines = head + [line for heading, lines in sections.items() for line in ("", heading, *lines)]
    return [printable(line, LONGEST_LINE) for line in lines]


def _settings(dataset: xr.Dataset) -> dict[str, list[str]]:
    """The preset behind a data set, and the parameters whose value is not the default one, axes left out."""
    if "configuration" not in dataset.attrs:
        return {}
    varied = varied_parameters(dataset)
    settings = settings_of(dataset.attrs, varied)
    sections = {}
    if settings is not None:
        heading = "preset" if settings.named else "preset that comes closest"
        rows = [(item.path, f"{item.given}", f"(preset {item.usual})") for item in settings.differences]
        sections[f"{heading}: {settings.preset}"] = columns_of(rows) or ["  all parameters are its own"]
    differences = differences_from_defaults(dataset.attrs, varied)
    if settings is None:
        rows = [(item.path, str(item.given)) for item in differences]
        return {"settings": columns_of(rows) or ["  none"]}
    sections["settings that differ from the defaults"] = columns_of([_row(item) for item in differences]) or ["  none"]
    return sections


def _row(difference: Difference) -> tuple[str, str, str]:
    usual = f"(default {difference.usual})"
    if difference.usual == MISSING:
        usual = "(not known to this version)"
    elif difference.given == MISSING:
        usual = f"(default now {difference.usual})"
    return difference.path, str(difference.given), usual
