"""A result file that anybody may have made, read and found to be a simulation, a sweep or a plain data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from ntadyn.results import storage
from ntadyn.results.result_format import Kind, kind_of


@dataclass(frozen=True)
class Result:
    """What a result file holds.

    Attributes:
        kind: what made it.
        dataset: its content.
        compared: whether it was compared with a checksum; False if the file has none.
        lacking: of a plain data set, what it lacks to be a simulation or a sweep, as a clause; else "".
    """

    kind: Kind
    dataset: xr.Dataset
    compared: bool
    lacking: str = ""


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
        kind, lacking = kind_of(dataset)
    except ValueError as error:
        raise ValueError(
            f"{str(path)!r} is not a result of ntadyn: {error}. Name a file that a command or an experiment of ntadyn "
            f"wrote."
        ) from error
    if kind is Kind.SIMULATION:
        # NetCDF gives lists of one back as a number.
        lists = {name: np.atleast_1d(dataset.attrs[name]) for name in ("edges", "block_tasks")}
        dataset = dataset.assign_attrs(lists)
    return Result(kind, dataset, dataset.encoding["checksum"], lacking)
