"""What a result file holds, as lines of text: for simulations and for sweeps."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ntadyn.maps.regimes import THRESHOLDS, Thresholds
from ntadyn.maps.report import columns_of, describe_sweep
from ntadyn.results import storage
from ntadyn.results.dataset_axes import axis_names
from ntadyn.results.result_format import Kind, kind_of
from ntadyn.results.text import printable
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import to_json

PROVENANCE = ("ntadyn_version", "versions", "python", "device", "dtype", "command", "created")
LONGEST_LINE = 2000
# Repetitions that are named one by one at most.
NAMED_FAILURES = 20
_ENDINGS = {-1: "was not run", 1: "diverged", 2: "failed", 3: "is impossible", 4: "is unresolved"}


@dataclass(frozen=True)
class Result:
    """What a result file holds.

    Attributes:
        kind: what made it.
        dataset: its content.
        compared: whether it was compared with a checksum; False if the file has none.
    """

    kind: Kind
    dataset: xr.Dataset
    compared: bool


def read_result(path: Path) -> Result:
    """A result file, and what it is.

    Args:
        path: a file that `ntadyn` wrote, or that anybody says it did.

    Returns:
        Its kind and content.

    Raises:
        ValueError: if there is no such file, or it is damaged or something else.
    """
    if path.is_dir():
        files = ", ".join(sorted(item.name for item in path.glob("*.nc"))[:5])
        raise ValueError(f"{str(path)!r} is a folder; name a file in it{f', for example {files}' if files else ''}.")
    try:
        dataset = storage.read_dataset(path)
    except FileNotFoundError as error:
        raise ValueError(f"there is no file {str(path)!r}; name a NetCDF file that an ntadyn command wrote.") from error
    except OSError as error:
        if error.filename is None:
            raise
        raise ValueError(f"cannot open {str(path)!r}: {error.strerror}; name a file that you may read.") from error
    try:
        kind = kind_of(dataset)
    except ValueError as error:
        raise ValueError(
            f"{str(path)!r} is not a result of ntadyn: {error}. Name a file that `ntadyn simulate` or a sweep wrote."
        ) from error
    if kind is Kind.SIMULATION:
        # NetCDF gives lists of one back as a number.
        lists = {name: np.atleast_1d(dataset.attrs[name]) for name in ("edges", "block_tasks")}
        dataset = dataset.assign_attrs(lists)
    return Result(kind, dataset, dataset.encoding["checksum"])


def describe(result: Result, score: str, level: float, thresholds: Thresholds = THRESHOLDS) -> list[str]:
    """Everything about a result, as lines of text that are safe to print.

    Args:
        result: what was read.
        score: of a sweep, the score of border and variance table.
        level: of a sweep, the level of its border.
        thresholds: of a sweep, where the regimes end.

    Returns:
        Lines.

    Raises:
        ValueError: if a sweep has no such score.
    """
    dataset, sweep = result.dataset, result.kind is Kind.SWEEP
    body = describe_sweep(dataset, score, level, thresholds) if sweep else _simulation(dataset)
    head = [_sweep_title(dataset) if sweep else _simulation_title(dataset)]
    head += [f"warning: {line}" for line in str(dataset.attrs.get("warnings", "")).splitlines()]
    sections = body | {"variables": _variables(dataset)}
    settings = _settings(dataset)
    sections["settings that differ from the defaults"] = settings or ["  none"]
    provenance = [(name, str(dataset.attrs[name])) for name in PROVENANCE if name in dataset.attrs]
    checksum = "matches" if result.compared else "none: the file is older than checksums, or another program wrote it"
    sections["provenance"] = columns_of([*_run(dataset), *provenance, ("checksum", checksum)])
    lines = head + [line for heading, lines in sections.items() for line in ("", heading, *lines)]
    return [printable(line, LONGEST_LINE) for line in lines]


def _sweep_title(dataset: xr.Dataset) -> str:
    sizes = [dataset.sizes[name] for name in axis_names(dataset)]
    cells = f"{' x '.join(map(str, sizes))} cells" if sizes else "one cell"
    name = f" {dataset.attrs['name']!r}" if "name" in dataset.attrs else ""
    trajectories = _counted(dataset["result"].size, "trajectory", "trajectories")
    return f"sweep{name}: {cells}, {_counted(dataset.sizes['seed'], 'repetition')}, {trajectories}"


def _simulation_title(dataset: xr.Dataset) -> str:
    blocks, time = np.size(dataset.attrs["block_tasks"]), dataset["time"].values
    repetitions = _counted(dataset.sizes["seed"], "repetition")
    records = _counted(dataset.sizes["record"], "record")
    return f"simulation: {repetitions}, {_counted(blocks, 'block')}, time {time[0]:g} to {time[-1]:g}, {records}"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _variables(dataset: xr.Dataset) -> list[str]:
    rows = []
    for name, item in dataset.variables.items():
        unit = str(item.attrs.get("units", "1"))
        text = str(item.attrs.get("long_name", "" if name in dataset.data_vars else "coordinate"))
        dims = ", ".join(str(dim) for dim in item.dims)
        rows.append((str(name), f"({dims})", str(item.dtype), f"{text}{f' [{unit}]' if unit != '1' else ''}"))
    return columns_of(rows)


def _simulation(dataset: xr.Dataset) -> dict[str, list[str]]:
    codes = dataset["result"].values
    failed = np.flatnonzero(codes)
    lines = [f"  {len(failed)} of {len(codes)} repetitions failed"]
    lines += [f"  repetition {seed} {ending(int(codes[seed]))}" for seed in failed[:NAMED_FAILURES]]
    lines += [f"  and {len(failed) - NAMED_FAILURES} more"] if len(failed) > NAMED_FAILURES else []
    ended_well = dataset.isel(seed=codes == 0)
    final = ended_well.isel(record=-1)
    rows = []
    if final.sizes["seed"]:
        scores = {"loss": final["loss"].values} if "loss" in final else {}
        if "similarity" in final:
            number = min(int(dataset.attrs["num_base"]), final.sizes["path"], final.sizes["teacher"])
            matched = final["similarity"].transpose("seed", "teacher", "path").values[:, range(number), range(number)]
            scores["alignment"] = matched.mean(axis=1)
        for name, values in scores.items():
            sd = f"{values.std(ddof=1):.2g}" if len(values) > 1 else "unknown"
            rows.append((name, f"{values.mean():.4g}", f"sd of repetitions {sd}"))
    sizes = [(str(name), str(size)) for name, size in dataset.sizes.items()]
    return {
        "dimensions": columns_of(sizes),
        "outcome": lines,
        "at the end": columns_of(rows) or ["  nothing: every repetition failed"],
        "largest estimated error": columns_of(_errors(ended_well)) or ["  not estimated"],
    }


def ending(code: int) -> str:
    """How a trajectory with this result code ended, in words."""
    return _ENDINGS.get(code, f"failed with result code {code}")


def _errors(ended_well: xr.Dataset) -> list[tuple[str, ...]]:
    """The largest estimate of every error; infinite ones mean that steps were too long to tell, or a run failed."""
    rows = []
    for name in (name for name in ended_well.data_vars if str(name).endswith("_error")):
        values = ended_well[name].values.astype(np.float64)
        known = values[np.isfinite(values)]
        infinite = ended_well[name].copy(data=np.isinf(values))
        seeds = infinite.any([dim for dim in infinite.dims if dim != "seed"])
        unresolved = f"unresolved in {int(seeds.sum())} of {seeds.size} repetitions" if seeds.any() else ""
        rows.append((str(name), f"{known.max():.1e}" if known.size else "-", unresolved))
    return rows


def _settings(dataset: xr.Dataset) -> list[str]:
    """Parameters whose value is not the default one, axes left out."""
    given, default = _flat(json.loads(dataset.attrs["configuration"])), _flat(json.loads(to_json(Configuration())))
    varied = {path for item in dataset.coords.values() for path in str(item.attrs.get("parameter", "")).split(", ")}
    rows = []
    for path in sorted((given.keys() | default.keys()) - varied):
        if path not in default:
            rows.append((path, str(given[path]), "(not known to this version)"))
        elif path not in given and default[path] is not None:
            # A parameter that came later and is None leaves everything as it was.
            rows.append((path, "not recorded", f"(default now {default[path]})"))
        elif path in given and given[path] != default[path]:
            rows.append((path, str(given[path]), f"(default {default[path]})"))
    return columns_of(rows)


def _flat(node: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in node.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _run(dataset: xr.Dataset) -> list[tuple[str, str]]:
    names = {"max_step": "largest step", "compile_seconds": "compiled in s", "run_seconds": "ran in s"}
    return [(text, f"{float(dataset.attrs[name]):.3g}") for name, text in names.items() if name in dataset.attrs]
