"""Look at everything in an HDF5 file without following, within limits; run by `untrusted` in its own process.

Reads the file from standard input, and writes why it is refused, or null, as JSON.
"""

import io
import json
import math
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np

MOST_VARIABLES = 1000
MOST_ATTRIBUTES = 200
LARGEST_ATTRIBUTE = 4 * 2**20
LARGEST_TEXT_ATTRIBUTE = 16 * 2**20
MOST_DIMENSIONS = 12
MOST_TEXTS = 100_000
# What may come out of a file: maps of which little was run hold a hundred times what they take when compressed.
NUMBERS_AT_LEAST = 256 * 2**20
TEXTS_AT_LEAST = 32 * 2**20
UNPACKED_TIMES = 8
SPARE_MEMORY = 256 * 2**20
SECONDS = 1.0
BYTES_PER_SECOND = 50 * 2**20
# What is loaded may have to be converted, to numbers of this many bytes and letters of this many bytes.
NUMBER_BYTES = 8
LETTER_BYTES = 4
# Of a text without any letter.
TEXT_BYTES = 64

_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
# How NetCDF-4 ties variables to dimensions: references, which are looked up below.
_TIES = {"DIMENSION_LIST", "REFERENCE_LIST"}
_NUMBERS = {"scale_factor", "add_offset", "_FillValue", "missing_value"}


def main() -> None:
    """Examine standard input; the exit code is 0 whatever is found."""
    content = sys.stdin.buffer.read()
    begun_with = _address_space()
    _limit(begun_with, len(content), 0)
    print(json.dumps(refusal(content, lambda unpacked: _limit(begun_with, len(content), unpacked))))


def refusal(content: bytes, before_reading: Callable[[int], None] = lambda unpacked: None) -> str | None:
    """Why a file is refused, as a clause; None if it is not.

    Args:
        content: the whole file.
        before_reading: called with the number of bytes that its variables unpack to, before they are read.
    """
    try:
        examine(content, before_reading)
    except ForeignError as error:
        return str(error)
    except Exception as error:  # whatever the libraries raise for a file that was damaged or forged
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, MemoryError) or "memory allocation failed" in reason:  # the words of HDF5
            return "it unpacks to more than the memory that it may take"
        return f"it is damaged or was made by another program ({reason})"
    return None


class ForeignError(ValueError):
    """The file holds what no result has; the message is a clause that says what."""


class _Room:
    """How much all numbers of a file, or all its texts, take of what they may take together."""

    def __init__(self, what: str, allowed: int) -> None:
        self.what = what
        self.allowed = allowed
        self.taken = 0

    def take(self, size: int) -> None:
        self.taken += size
        if self.taken > self.allowed:
            raise ForeignError(
                f"its {self.what} unpack to {self.taken / 2**20:,.0f} MiB or more, and {self.allowed / 2**20:,.0f} MiB "
                f"are allowed for a file of its length"
            )


class _Rooms:
    def __init__(self, size: int) -> None:
        self.numbers = _Room("numbers", NUMBERS_AT_LEAST + UNPACKED_TIMES * size)
        self.texts = _Room("texts", TEXTS_AT_LEAST + UNPACKED_TIMES * size)

    def of(self, dtype: np.dtype) -> _Room:
        return self.texts if _is_text(dtype) else self.numbers


def examine(content: bytes, before_reading: Callable[[int], None]) -> None:
    """Read everything in a file, after looking at its structure.

    Args:
        content: the whole file.
        before_reading: see `refusal`.

    Raises:
        ForeignError: for anything but numbers and text over dimensions in the file itself.
        Exception: whatever the libraries raise.
    """
    rooms = _Rooms(len(content))
    with h5py.File(io.BytesIO(content), "r") as file:
        _check(file, rooms)
    before_reading(rooms.numbers.taken + rooms.texts.taken)
    with h5netcdf.File(io.BytesIO(content), "r") as file:
        dict(file.attrs)
        for variable in file.variables.values():
            _ = variable.dimensions, dict(variable.attrs)
            values = variable[...]
            if np.asarray(values).dtype.kind not in "iuf":
                rooms.texts.take(_letters_size(values))


def _check(file: h5py.File, rooms: _Rooms) -> None:
    if len(file) > MOST_VARIABLES:
        raise ForeignError(f"it holds {len(file):,} variables, and at most {MOST_VARIABLES:,} are read")
    _check_attributes(file, rooms)
    for name in map(str, file):
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise ForeignError(f"{name!r} is a link, and links are not followed")
        variable = file[name]
        if not isinstance(variable, h5py.Dataset):
            raise ForeignError(f"{name!r} is a group or a type, and results have none")
        rooms.of(variable.dtype).take(_unpacked_size(name, variable))
        _check_attributes(variable, rooms)


def _unpacked_size(name: str, variable: h5py.Dataset) -> int:
    """Bytes that a variable takes, without the letters of its texts; raises for one that is not plain."""
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
    if _is_text(variable.dtype) and math.prod(shape) > MOST_TEXTS:
        raise ForeignError(f"{name!r} holds {math.prod(shape):,} texts, and at most {MOST_TEXTS:,} are read")
    size = variable.dtype.itemsize
    each = TEXT_BYTES + size if _is_text(variable.dtype) else NUMBER_BYTES
    return max(math.prod(shape) * each, math.prod(variable.chunks or ()) * size)


def _letters_size(texts: Any) -> int:
    """Bytes that the letters of texts take, where each takes as many as the longest.

    How long a text is stands nowhere but in itself, and many may be one and the same part of the file.
    """
    held = [texts] if isinstance(texts, str | bytes) else np.ravel(texts)
    return len(held) * max(map(len, held), default=0) * LETTER_BYTES


def _check_attributes(item: h5py.File | h5py.Dataset, rooms: _Rooms) -> None:
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
        rooms.of(attribute.dtype).take(_attribute_size(name, item))


def _attribute_size(name: str, item: h5py.File | h5py.Dataset) -> int:
    attribute = item.attrs.get_id(name)
    if not _is_text(attribute.dtype):
        return attribute.get_storage_size()
    size = _letters_size(item.attrs[name])
    if size > LARGEST_TEXT_ATTRIBUTE:
        raise ForeignError(f"the texts of the attribute {name!r} take more than {LARGEST_TEXT_ATTRIBUTE / 2**20:g} MiB")
    return size + math.prod(attribute.shape) * TEXT_BYTES


def _is_text(dtype: np.dtype) -> bool:
    return h5py.check_string_dtype(dtype) is not None


def _is_plain(dtype: np.dtype) -> bool:
    if _is_text(dtype):
        return True
    return dtype.kind in "iuf" and dtype.itemsize <= 8 and not h5py.check_enum_dtype(dtype)


def _limit(begun_with: int | None, size: int, unpacked: int) -> None:
    """From here on, a second or two of computing, and memory for the values and little else.

    Args:
        begun_with: bytes of memory that the process took before it opened the file; None if it is not known.
        size: bytes of the file.
        unpacked: bytes of its variables, as far as they are known.
    """
    seconds = math.ceil(sum(os.times()[:2]) + SECONDS + (size + unpacked) / BYTES_PER_SECOND)
    _lower(resource.RLIMIT_CPU, seconds)
    _lower(resource.RLIMIT_CORE, 0)
    if begun_with is not None:
        _lower(resource.RLIMIT_AS, begun_with + SPARE_MEMORY + UNPACKED_TIMES * 2 * size + unpacked)


def _lower(what: int, limit: int) -> None:
    """Set a limit so that it can be raised again, but not beyond what the process began with."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _address_space() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):  # not all systems have it
        return None
    return pages * resource.getpagesize()
