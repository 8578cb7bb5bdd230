"""Simulations that experiments read: each is computed once, and kept with what made it.

A run is a function, its arguments and a name. What it returns is kept in a folder of its own, together with the version
of the code; whoever asks for the same run again, the same experiment or another one, reads it from there. Two processes
that ask at the same time compute it once, where the file system has locks; what a killed process left is not taken for
a run.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from experiments.harness.code_version import code_version
from experiments.harness.plain import plain
from ntadyn.results import storage
from ntadyn.sweeps.claims import alone_in

Data = dict[str, xr.Dataset]
RECORD = "run.json"  # written last
_AT_ONCE = 2  # runs of one experiment, each in a thread of its own


@dataclass(frozen=True)
class Run:
    """One simulation.

    Attributes:
        name: begins the name of its folder.
        compute: returns a dataset, or several by name; a function of a module, which is the code that the run depends
            on.
        arguments: of `compute`, plain values or dataclasses of them.
        dataset: the name of what `compute` returns, where that is one dataset.
        files: what `compute` reads besides, files or folders of files.
    """

    name: str
    compute: Callable[..., xr.Dataset | Data]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = ""
    files: tuple[Path, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """What is run, but for the code: plain values for JSON."""
        return {
            "run": self.name,
            "function": f"{self.compute.__module__}.{self.compute.__qualname__}",
            "arguments": plain(self.arguments),
            "dataset": self.dataset,
            "files": {str(path): _digest_of(path) for path in self.files},
        }

    @property
    def place(self) -> str:
        """The name of its folder."""
        text = json.dumps(self.identity, sort_keys=True)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def data(self) -> Data:
        """What it returns, by name, computed here and now."""
        found = self.compute(**self.arguments)
        return {self.dataset: found} if isinstance(found, xr.Dataset) else found

    @property
    def code(self) -> str:
        """The version of the code that computes it."""
        return code_version(self.compute.__module__)


def computed(runs: Sequence[Run]) -> Data:
    """What some runs return, computed here and now and kept nowhere.

    Args:
        runs: whose datasets have different names.
    """
    return _together(runs, Run.data)


def obtained(runs: Sequence[Run], folder: Path, since: float = 0.0, tell: Callable[[str], None] = print) -> Data:
    """What some runs return, read from where it is kept, or computed and kept.

    Args:
        runs: whose datasets have different names.
        folder: of all runs; made if it does not exist.
        since: seconds since the epoch; what is older is computed again.
        tell: called with a line of text for every run that is computed here.

    Returns:
        Dataset by name, always as read from a file.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def one(run: Run) -> Data:
        place = folder / run.place
        place.mkdir(exist_ok=True)
        with alone_in(place):
            data = _read(run, place, since)
            if data is None:
                began = time.perf_counter()
                _compute(run, place)
                tell(f"{run.name} computed in {time.perf_counter() - began:.0f} s")
                data = _read(run, place, since)
        if data is None:
            raise RuntimeError(f"{run.name!r} was written to {str(place)!r}, but cannot be read from there.")
        return data

    return _together(runs, one)


def is_kept(run: Run, folder: Path, since: float = 0.0) -> bool:
    """Whether a run need not be computed, as far as its record says.

    Args:
        run: the run.
        folder: of all runs.
        since: seconds since the epoch; what is older counts as missing.
    """
    record = _record(folder / run.place)
    return record is not None and record.get("code") == run.code and record.get("finished", 0.0) >= since


def last_seconds(run: Run, folder: Path) -> float | None:
    """How long it took to compute the last time, by whatever version of the code; None if that is not known."""
    seconds = (_record(folder / run.place) or {}).get("seconds")
    return float(seconds) if isinstance(seconds, int | float) else None


def _together(runs: Sequence[Run], one: Callable[[Run], Data]) -> Data:
    """The datasets of all of them, a few at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        parts = list(pool.map(one, runs))
    data: Data = {}
    for run, part in zip(runs, parts, strict=True):
        if twice := sorted(data.keys() & part.keys()):
            raise ValueError(f"{run.name!r} returns {twice}, and so does a run before it; give datasets other names.")
        data |= part
    return data


def _compute(run: Run, place: Path) -> None:
    from ntadyn.results.provenance import provenance

    storage.remove_abandoned(place)
    # Until it is complete again, this is no run.
    (place / RECORD).unlink(missing_ok=True)
    began = time.perf_counter()
    data = run.data()
    seconds = round(time.perf_counter() - began, 2)
    origin = provenance()
    for path in place.glob("*.nc"):
        path.unlink()
    for name, dataset in data.items():
        storage.write_dataset(dataset.assign_attrs(origin), place / f"{name}.nc")
    record = run.identity | {
        "code": run.code,
        "datasets": list(data),
        "seconds": seconds,
        "finished": time.time(),
        "provenance": origin,
    }
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    storage.write_bytes(text.encode(), place / RECORD)


def _read(run: Run, place: Path, since: float) -> Data | None:
    """What is kept of a run, None where it is not all there, damaged, too old, or of other code."""
    record = _record(place)
    if record is None or not is_kept(run, place.parent, since):
        return None
    try:
        data = {name: storage.read_dataset(place / f"{name}.nc") for name in record["datasets"]}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    # A file without its checksum was changed by another program.
    return data if all(dataset.encoding.pop("checksum") for dataset in data.values()) else None


def _record(place: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((place / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(f"{file.relative_to(path)}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
