"""What a result file must hold to be described and drawn; whatever else somebody hands over is refused by name."""

import enum
import json
import math
from typing import Any

import numpy as np
import xarray as xr

from ntadyn.results.dataset_axes import SEED, axis_names
from ntadyn.results.quantities import DIMS

RECORD = "record"
DRAWN = ("loss", "gates", "similarity")

# Cells that a description, which resamples, and a picture can take.
MOST_SEEDS = 20_000
LONGEST_AXIS = 10_000
LONGEST_NAME = 100
# What a picture can take: more would keep the computer busy for minutes, and could not be told apart.
MOST_LINES = 400
MOST_BLOCKS = 2_000
MOST_CELLS = 120_000
MOST_CELLS_ALONG_A_LINE = 2_000
MOST_STRETCHES_OF_FAILURES = 5_000
LONGEST_CONFIGURATION = 100_000
DEEPEST_CONFIGURATION = 8
# Beyond this, squares and sums leave the range of numbers.
LARGEST_NUMBER = 1e100
# Names that summaries give to dimensions of their own.
_RESERVED = ("quantile", "regime")
_TIMES = ("max_step", "compile_seconds", "run_seconds")


class Kind(enum.Enum):
    """What made a file."""

    SIMULATION = "simulation"
    SWEEP = "sweep"
    DATASET = "data set"


def kind_of(dataset: xr.Dataset) -> tuple[Kind, str]:
    """What a dataset is, after checking that it is all that its kind has to be.

    Args:
        dataset: from a file that anybody may have made; `encoding["checksum"]` says whether it has one of ours.

    Returns:
        Its kind; and of a plain data set, what it lacks to be a simulation or a sweep, as a clause, else "".

    Raises:
        ValueError: if it is not a result; the message is a clause that says what is missing or wrong.
    """
    lacking = _lacking(dataset)
    _require(not lacking or _is_ours(dataset), lacking)
    _check_names(dataset)
    _check_sizes(dataset)
    if "configuration" in dataset.attrs:
        _check_configuration(dataset.attrs["configuration"])
    for name in _TIMES:
        if name in dataset.attrs:
            _require(_is_number(dataset.attrs[name]), f"its attribute {name!r} is not a number")
    if lacking:
        return Kind.DATASET, lacking
    _require(dataset["result"].values.min() >= -1, "it has result codes below -1")
    for name, item in dataset.variables.items():
        _check_values(str(name), item, dataset)
    if RECORD not in dataset.dims:
        _check_sweep(dataset)
        return Kind.SWEEP, ""
    _check_simulation(dataset)
    return Kind.SIMULATION, ""


def _is_ours(dataset: xr.Dataset) -> bool:
    """Whether ntadyn wrote it: as every file of its commands and experiments, or of `write_dataset`, says."""
    return isinstance(dataset.attrs.get("ntadyn_version"), str) or dataset.encoding.get("checksum") is True


def _lacking(dataset: xr.Dataset) -> str:
    """What a dataset lacks to be a simulation or a sweep, as a clause; "" if it has everything, right or wrong."""
    result = dataset.get("result")
    if result is None or SEED not in result.dims or "configuration" not in dataset.attrs:
        return "it has no result codes over seeds, or no configuration"
    _require(result.dtype.kind in "iu", "its result codes are not whole numbers")
    if RECORD not in dataset.dims:
        own = [name for name in axis_names(dataset) if name in _RESERVED]
        return f"{own[0]!r} cannot be an axis" if own else ""
    if result.dims != (SEED,):
        return "its result codes have more dimensions than seeds"
    if "time" not in dataset.coords:
        return "it has no times of its records"
    if "edges" not in dataset.attrs or "block_tasks" not in dataset.attrs:
        return "it does not say which task every block has"
    if "similarity" in dataset and "teacher" not in dataset.coords:
        return "its teachers have no names"
    return "" if "num_base" in dataset.attrs else "it does not say how many teachers it has"


def check_drawable(kind: Kind, dataset: xr.Dataset) -> None:
    """Check that a result has what its picture shows, and no more than a picture can.

    Args:
        kind: from `kind_of`.
        dataset: the result.

    Raises:
        ValueError: if it cannot be drawn; the message says how to print it all the same.
    """
    try:
        if kind is Kind.SIMULATION:
            _check_drawable_simulation(dataset)
        elif kind is Kind.SWEEP:
            _check_drawable_sweep(dataset)
    except ValueError as error:
        raise ValueError(f"cannot draw this {kind.value}: {error}. Print it with --no-plot.") from error


def _check_drawable_simulation(dataset: xr.Dataset) -> None:
    _limit("pairs of teachers and paths", dataset.sizes["teacher"] * dataset.sizes["path"], MOST_LINES)
    _limit("blocks", np.size(dataset.attrs["block_tasks"]), MOST_BLOCKS)


def _check_drawable_sweep(dataset: xr.Dataset) -> None:
    sizes = [dataset.sizes[name] for name in axis_names(dataset)]
    long = [size for size in sizes if size > 1]
    _limit("cells", math.prod(sizes), MOST_CELLS if len(long) > 1 else MOST_CELLS_ALONG_A_LINE)
    if long:
        failed = (dataset["result"] != 0).any(SEED).values.squeeze()
        stretches = int(np.sum(failed[..., 1:] > failed[..., :-1]) + np.sum(failed[..., 0]))
        _limit("separate stretches of cells with failures", stretches, MOST_STRETCHES_OF_FAILURES)


def _limit(what: str, number: int, most: int) -> None:
    _require(number <= most, f"it has {number:,} {what}, and {most:,} are the most")


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _check_names(dataset: xr.Dataset) -> None:
    for name in (*dataset.variables, *dataset.dims):
        text = str(name)
        _require(text.isprintable() and 0 < len(text) <= LONGEST_NAME, f"{text[:LONGEST_NAME]!r} is not a usable name")
    for name, item in dataset.variables.items():
        _require(len(set(item.dims)) == len(item.dims), f"{str(name)!r} has the same dimension twice")


def _check_sizes(dataset: xr.Dataset) -> None:
    for name, size in dataset.sizes.items():
        _require(size > 0, f"it has nothing along {str(name)!r}")
    seeds = dataset.sizes.get(SEED, 0)
    _require(seeds <= MOST_SEEDS, f"it has {seeds:,} repetitions, and at most {MOST_SEEDS:,} are described")


def _check_values(name: str, item: xr.Variable, dataset: xr.Dataset) -> None:
    """Numbers, or along a coordinate text; where a trajectory ended well, no numbers beyond all measure."""
    values = item.values
    if name in dataset.coords and values.dtype.kind in "UOT":
        _require(all(isinstance(text, str) for text in values.flat), f"{name!r} holds neither numbers nor text")
        return
    _require(values.dtype.kind in "biuf", f"{name!r} holds no numbers")
    if values.dtype.kind != "f" or float(np.finfo(values.dtype).max) < LARGEST_NUMBER:
        return
    # Without numbers of their size: there may be many of them.
    beyond = np.isfinite(values) & ((values > LARGEST_NUMBER) | (values < -LARGEST_NUMBER))
    if name in dataset.coords:
        _require(not beyond.any(), f"{name!r} holds numbers beyond 1e100")
        return
    ended_well = (dataset["result"] == 0).variable
    large = xr.Variable(item.dims, beyond)
    if set(ended_well.dims) <= set(item.dims):
        large = large & ended_well
    _require(not large.values.any(), f"{name!r} holds numbers beyond 1e100 in trajectories that ended well")


def _check_configuration(text: Any) -> None:
    _require(
        isinstance(text, str) and len(text) <= LONGEST_CONFIGURATION, "its configuration is not text, or is too long"
    )
    try:
        node = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("its configuration is not JSON") from error
    _require(isinstance(node, dict), "its configuration is not a JSON object")
    _require(_depth(node) <= DEEPEST_CONFIGURATION, "its configuration is nested too deeply")
    times = node.get("time_constants")
    # Configurations of other kinds have no such section.
    unit: Any = times.get("weights", 1.0) if isinstance(times, dict) else 1.0
    usable = _is_number(unit) and 1 / LARGEST_NUMBER < unit < LARGEST_NUMBER
    _require(usable, "its configuration has no positive number for time_constants.weights")


def weight_time_constant(dataset: xr.Dataset) -> float | None:
    """tau_W of what was run; None where the configuration is of a kind that has none, or is not there."""
    times = json.loads(dataset.attrs.get("configuration", "{}")).get("time_constants")
    return times.get("weights") if isinstance(times, dict) else None


def _depth(node: Any) -> int:
    # Level by level: what is nested deeply must not be followed by a function that calls itself.
    level, depth = [node], 0
    while level:
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        depth += 1
    return depth


def _check_sweep(dataset: xr.Dataset) -> None:
    names = axis_names(dataset)
    _require(names or "cell" not in dataset.dims, "'cell' cannot be a dimension beside a single cell")
    for name in names:
        size = dataset.sizes[name]
        _require(size <= LONGEST_AXIS, f"{name!r} has {size:,} values, and at most {LONGEST_AXIS:,} are described")


def _check_simulation(dataset: xr.Dataset) -> None:
    for name, dims in DIMS.items():
        if name in dataset:
            held = dataset[name].dims
            complete = held == dims or held == dims[:-1] and name == "gates"
            _require(complete, f"{name!r} has the dimensions {held}, not {dims}")
    for name in DRAWN:
        if name in dataset:
            values = dataset[name].values[dataset["result"].values == 0]
            _require(not np.isinf(values).any(), f"{name!r} is infinite in repetitions that ended well")
    time = dataset["time"]
    _require(time.dims == (RECORD,) and time.dtype.kind == "f", "it has no times of its records")
    times = time.values
    _require(np.isfinite(times).all() and np.all(np.diff(times) >= 0), "its times do not ascend")
    edges, tasks = (np.atleast_1d(dataset.attrs.get(name, [])) for name in ("edges", "block_tasks"))
    kinds = edges.dtype.kind in "iuf" and tasks.dtype.kind in "iu"
    _require(kinds and len(tasks) > 0 and len(edges) == len(tasks) + 1, "it does not say which task every block has")
    _require(np.all(np.diff(edges) > 0) and np.all(np.abs(edges) < LARGEST_NUMBER), "its blocks do not ascend")
    _require(np.all(tasks >= 0), "it has blocks with a negative task")
    number: Any = dataset.attrs.get("num_base")
    _require(_is_number(number) and number >= 1 and number == int(number), "it does not say how many teachers it has")


def _is_number(value: Any) -> bool:
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return real and -LARGEST_NUMBER < float(value) < LARGEST_NUMBER
