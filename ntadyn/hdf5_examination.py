"""Look at everything in an HDF5 file without following, within limits; run by `ntadyn.untrusted` in its own process.

Reads the file from standard input, and writes why it is refused, or null, as JSON.
"""

import io
import json
import math
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import h5netcdf
import h5py
import numpy as np

MOST_VARIABLES = 1000
MOST_ATTRIBUTES = 200
LARGEST_ATTRIBUTE = 4 * 2**20
MOST_DIMENSIONS = 12
MOST_TEXTS = 100_000
# What variables may unpack to: compressed files hold more than they are long, but not beyond measure.
UNPACKED_AT_LEAST = 4 * 2**20
UNPACKED_TIMES = 8
SPARE_MEMORY = 256 * 2**20
SECONDS = 1.0
BYTES_PER_SECOND = 50 * 2**20

_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
# How NetCDF-4 ties variables to dimensions: references, which are looked up below.
_TIES = {"DIMENSION_LIST", "REFERENCE_LIST"}
_NUMBERS = {"scale_factor", "add_offset", "_FillValue", "missing_value"}


def main() -> None:
    """Examine standard input; the exit code is 0 whatever is found."""
    content = sys.stdin.buffer.read()
    _limit(len(content))
    print(json.dumps(refusal(content)))


def refusal(content: bytes) -> str | None:
    """Why a file is refused, as a clause; None if it is not.

    Args:
        content: the whole file.
    """
    try:
        examine(content)
    except MemoryError:
        return "it unpacks to more than the memory that it may take"
    except ForeignError as error:
        return str(error)
    except Exception as error:  # whatever the libraries raise for a file that was damaged or forged
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return f"it is damaged or was made by another program ({reason})"
    return None


class ForeignError(ValueError):
    """The file holds what no result has; the message is a clause that says what."""


def examine(content: bytes) -> None:
    """Read everything in a file, after looking at its structure.

    Args:
        content: the whole file.

    Raises:
        ForeignError: for anything but numbers and text over dimensions in the file itself.
        Exception: whatever the libraries raise.
    """
    with h5py.File(io.BytesIO(content), "r") as file:
        _check(file, UNPACKED_AT_LEAST + UNPACKED_TIMES * len(content))
    with h5netcdf.File(io.BytesIO(content), "r") as file:
        dict(file.attrs)
        for variable in file.variables.values():
            _ = variable.dimensions, dict(variable.attrs), variable[...]


def _check(file: h5py.File, allowed: int) -> None:
    if len(file) > MOST_VARIABLES:
        raise ForeignError(f"it holds {len(file):,} variables, and at most {MOST_VARIABLES:,} are read")
    _check_attributes(file)
    unpacked = 0
    for name in map(str, file):
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise ForeignError(f"{name!r} is a link, and links are not followed")
        variable = file[name]
        if not isinstance(variable, h5py.Dataset):
            raise ForeignError(f"{name!r} is a group or a type, and results have none")
        unpacked += _unpacked_size(name, variable)
        if unpacked > allowed:
            raise ForeignError(
                f"its variables unpack to {unpacked / 2**20:,.0f} MiB or more, and {allowed / 2**20:,.0f} MiB are "
                f"allowed for a file of its length"
            )
        _check_attributes(variable)


def _unpacked_size(name: str, variable: h5py.Dataset) -> int:
    """Bytes that reading a variable takes; raises for one that is not plain."""
    made = variable.id.get_create_plist()
    if made.get_layout() == h5py.h5d.VIRTUAL or made.get_external_count():
        raise ForeignError(f"the values of {name!r} are in another file, and files are not followed")
    if not {made.get_filter(place)[0] for place in range(made.get_nfilters())} <= _FILTERS:
        raise ForeignError(f"{name!r} is packed in a way that is not read")
    shape = variable.shape
    if shape is None or len(shape) > MOST_DIMENSIONS:
        raise ForeignError(f"{name!r} has no values, or more than {MOST_DIMENSIONS} dimensions")
    if not _is_plain(variable.dtype):
        raise ForeignError(f"{name!r} holds neither numbers nor text")
    if h5py.check_string_dtype(variable.dtype) and math.prod(shape) > MOST_TEXTS:
        raise ForeignError(f"{name!r} holds {math.prod(shape):,} texts, and at most {MOST_TEXTS:,} are read")
    return max(math.prod(shape), math.prod(variable.chunks or ())) * variable.dtype.itemsize


def _check_attributes(item: h5py.File | h5py.Dataset) -> None:
    if len(item.attrs) > MOST_ATTRIBUTES:
        raise ForeignError(f"it has {len(item.attrs):,} attributes in one place; at most {MOST_ATTRIBUTES} are read")
    for name in item.attrs:
        attribute = item.attrs.get_id(name)
        if attribute.get_storage_size() > LARGEST_ATTRIBUTE:
            raise ForeignError(f"the attribute {name!r} is larger than {LARGEST_ATTRIBUTE / 2**20:g} MiB")
        if name not in _TIES and not (_is_plain(attribute.dtype) and attribute.shape is not None):
            raise ForeignError(f"the attribute {name!r} holds neither numbers nor text")
        if name in _NUMBERS and not (attribute.dtype.kind in "iuf" and math.prod(attribute.shape) == 1):
            raise ForeignError(f"the attribute {name!r} is not a number")


def _is_plain(dtype: np.dtype) -> bool:
    if h5py.check_string_dtype(dtype):
        return True
    return dtype.kind in "iuf" and dtype.itemsize <= 8 and not h5py.check_enum_dtype(dtype)


def _limit(size: int) -> None:
    """From here on, a second or two of computing, and memory for the values and little else."""
    seconds = math.ceil(sum(os.times()[:2]) + SECONDS + size / BYTES_PER_SECOND)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # not all systems have it
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + SPARE_MEMORY + UNPACKED_TIMES * 2 * size
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
