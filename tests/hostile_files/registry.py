"""What a kind of hostile file is, and the list of all kinds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from ntadyn.results.storage import write_dataset

NAME = "result.nc"
ESCAPE = "\x1b]0;owned\x07\x1b[31m"
SECRET = "what no other file may show"


@dataclass(frozen=True)
class HostileFile:
    """One kind of file.

    Attributes:
        name: of the kind.
        make: makes the file, given a folder of its own, and returns its path.
        refused: part of the sentence with which it is refused; None if it must be shown.
        printed: whether it is printed all the same when no picture is asked for.
    """

    name: str
    make: Callable[[Path], Path]
    refused: str | None
    printed: bool


KINDS: list[HostileFile] = []
# What would never come back, or take all memory, if it were not read in a process of its own.
DANGEROUS = (
    "texts that are read for ever",
    "a text of four megabytes fifty thousand times",
    "a text of a megabyte two thousand times in an attribute",
)


def kind(refused=None, picture_only=False):
    """Register a function that makes a file; what it returns is written unless it is the path of what it wrote."""

    def register(function):
        def make(folder):
            made = function(folder)
            if isinstance(made, xr.Dataset):
                return write_dataset(made, folder / NAME)
            if isinstance(made, bytes):
                (folder / NAME).write_bytes(made)
            return made if isinstance(made, Path) else folder / NAME

        KINDS.append(HostileFile(function.__name__.replace("_", " "), make, refused, refused is None or picture_only))
        return function

    return register
