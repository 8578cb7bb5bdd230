"""What a data set holds, as lines of text: its dimensions, variables and origin, and how a simulation ended."""

import numpy as np
import xarray as xr

from ntadyn.results.quantities import QUANTITIES, label_of
from ntadyn.results.text import columns_of, counted

PROVENANCE = ("ntadyn_version", "versions", "python", "device", "dtype", "command", "created")
_TIMES = {"max_step": "largest step", "compile_seconds": "compiled in s", "run_seconds": "ran in s"}
# Attributes that sections of their own speak of.
_TOLD = (*PROVENANCE, *_TIMES, "configuration", "preset", "name")
# Repetitions that are named one by one at most.
NAMED_FAILURES = 20
_ENDINGS = {-1: "was not run", 1: "diverged", 2: "failed", 3: "is impossible", 4: "is unresolved", 5: "ran out of room"}


def ending(code: int) -> str:
    """How a trajectory with this result code ended, in words."""
    return _ENDINGS.get(code, f"failed with result code {code}")


def dataset_title(dataset: xr.Dataset) -> str:
    """One line that says how large a plain data set is."""
    sizes = ", ".join(f"{name} ({size:,})" for name, size in dataset.sizes.items())
    name = f" {dataset.attrs['name']!r}" if "name" in dataset.attrs else ""
    return f"data set{name}: {counted(len(dataset.data_vars), 'variable')}{f' over {sizes}' if sizes else ''}"


def simulation_title(dataset: xr.Dataset) -> str:
    """One line that says how large a simulation is."""
    blocks, time = np.size(dataset.attrs["block_tasks"]), dataset["time"].values
    repetitions, records = (counted(dataset.sizes[name], noun) for name, noun in _SIZES)
    return f"simulation: {repetitions}, {counted(blocks, 'block')}, time {time[0]:g} to {time[-1]:g}, {records}"


_SIZES = (("seed", "repetition"), ("record", "record"))


def describe_dataset(dataset: xr.Dataset) -> dict[str, list[str]]:
    """What every data set has, section by section.

    Args:
        dataset: a plain data set.

    Returns:
        Heading -> indented lines.
    """
    attributes = [(str(name), str(value)) for name, value in dataset.attrs.items() if name not in _TOLD]
    sections = {"dimensions": dimensions(dataset), "values": _ranges(dataset)}
    return sections | ({"attributes": columns_of(attributes)} if attributes else {})


def describe_simulation(dataset: xr.Dataset) -> dict[str, list[str]]:
    """How a simulation ended, section by section.

    Args:
        dataset: a simulation.

    Returns:
        Heading -> indented lines.
    """
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
            rows.append((label_of(name), f"{values.mean():.4g}", f"sd of repetitions {sd}"))
    return {
        "dimensions": dimensions(dataset),
        "outcome": lines,
        "at the end": columns_of(rows) or ["  nothing: every repetition failed"],
        "largest estimated error": columns_of(_errors(ended_well)) or ["  not estimated"],
    }


def dimensions(dataset: xr.Dataset) -> list[str]:
    """One line per dimension, with its size."""
    return columns_of([(str(name), str(size)) for name, size in dataset.sizes.items()])


def variables(dataset: xr.Dataset) -> list[str]:
    """One line per variable: its dimensions, type, meaning and unit, as far as the file or ntadyn know them."""
    rows = []
    for name, item in dataset.variables.items():
        unit = str(item.attrs.get("units", "1"))
        known = QUANTITIES[str(name)].label if name in QUANTITIES else ""
        text = str(item.attrs.get("long_name", known or ("" if name in dataset.data_vars else "coordinate")))
        dims = ", ".join(str(dim) for dim in item.dims)
        rows.append((str(name), f"({dims})", str(item.dtype), f"{text}{f' [{unit}]' if unit != '1' else ''}"))
    return columns_of(rows)


def provenance_lines(dataset: xr.Dataset, compared: bool) -> list[str]:
    """Where a data set came from, as far as it says so.

    Args:
        dataset: any.
        compared: whether its file was compared with a checksum.
    """
    run = [(text, f"{float(dataset.attrs[name]):.3g}") for name, text in _TIMES.items() if name in dataset.attrs]
    origin = [(name, str(dataset.attrs[name])) for name in PROVENANCE if name in dataset.attrs]
    checksum = "matches" if compared else "none: the file is older than checksums, or another program wrote it"
    return columns_of([*run, *origin, ("checksum", checksum)])


def _ranges(dataset: xr.Dataset) -> list[str]:
    rows: list[tuple[str, ...]] = [("", "from", "to", "")]
    for name, item in dataset.variables.items():
        values = item.values
        if values.dtype.kind not in "biuf":
            texts = [str(text) for text in values.flat[:4]]
            rows.append((str(name), "", "", ", ".join(texts if values.size <= 4 else [*texts[:3], "..."])))
            continue
        finite = values[np.isfinite(values)]
        left = values.size - finite.size
        note = f"{left:,} of {values.size:,} not finite" if left else ""
        ends = (f"{finite.min():.4g}", f"{finite.max():.4g}") if finite.size else ("-", "-")
        rows.append((str(name), *ends, note))
    return columns_of(rows)


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
