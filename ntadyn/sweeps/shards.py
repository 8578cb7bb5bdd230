"""A sweep on disk, one file per finished tile, so that nothing finished is lost or computed again.

A tile is any part of a sweep that is computed at once; its content does not matter here. Its file, a shard, is named
after the checksum of its content: the rename that makes a shard visible publishes content and checksum together, so
that at no moment could a kill, or a second process, leave one without the other.

Shards are NetCDF-3 files written from memory: a shard of ten variables takes 2 ms that way but 60 ms as NetCDF-4, which
is not much less than a tile takes to compute.
"""

import hashlib
import io
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import xarray as xr

from ntadyn.results import storage
from ntadyn.sweeps import manifest
from ntadyn.sweeps.claims import Claims

CELL = "cell"

_SHARD = re.compile(r"tile-(\d+)\.(?:.*\.)?nc")
# Types that NetCDF-3 returns exactly as they were.
_EXACT = ("float64", "float32", "int32", "int16", "int8", "bool")


class ShardStore:
    """The shards of one sweep in one folder, which any number of processes may use at the same time.

    A tile is complete when the folder holds a shard of it with the right checksum. The checksum covers the content, the
    number of the tile and the identity of the sweep: a shard that was cut short, altered, or moved there from elsewhere
    counts as missing. It is checked once per store, and again when shards are read or merged.

    Made by `ShardStore.open`.

    Attributes:
        folder: where the shards are.
        num_tiles: number of tiles of the whole sweep.
    """

    def __init__(self, folder: Path, num_tiles: int, identity: str, claims: Claims, report: Callable[[str], Any]):
        self.folder = folder
        self.num_tiles = num_tiles
        self._identity = identity
        self._claims = claims
        self._report = report
        self._claimed: set[int] = set()
        self._complete: dict[int, str] = {}
        self._damaged: dict[int, set[str]] = {}

    @classmethod
    def open(
        cls,
        folder: Path,
        identity: Mapping[str, Any],
        num_tiles: int,
        report: Callable[[str], Any] = warnings.warn,
    ) -> "ShardStore":
        """Start a sweep in a folder, or continue the one that it holds.

        Args:
            folder: made if it does not exist.
            identity: everything that the content of the tiles depends on, as nested plain values.
            num_tiles: number of tiles; part of the identity.
            report: called with a sentence about every damaged shard, and when this process waits for others.

        Returns:
            The store. Half-written files of killed processes are removed from the folder. Shards are not read yet,
            unless the manifest was lost: it is written again if all shards belong to this sweep.

        Raises:
            ValueError: if the folder cannot be written, belongs to another sweep (the message lists every entry that
                differs), holds files that belong to no sweep, or has something other than a file in place of a tile.
        """
        whole, belongs = _whole(identity, num_tiles)
        path = manifest.settle(storage.output_folder(folder), whole, belongs)
        store = cls(folder, num_tiles, manifest.canonical(whole), Claims(path), report)
        store._shards()  # refuses what no tile could replace
        return store

    @classmethod
    def check(cls, folder: Path, identity: Mapping[str, Any], num_tiles: int) -> None:
        """Refuse what `open` would refuse, and change nothing.

        Args:
            folder: need not exist.
            identity: see `open`.
            num_tiles: see `open`.

        Raises:
            ValueError: see `open`.
        """
        whole, belongs = _whole(identity, num_tiles)
        if check_place(folder):
            manifest.is_home(folder, whole, belongs)
            _shards_in(folder)

    def missing(self) -> list[int]:
        """Tiles that have no valid shard at present, ascending.

        Shards that other processes have added since the last call count, too; only new ones are read.
        """
        shards = self._shards()
        return [tile for tile in range(self.num_tiles) if not self._is_complete(tile, shards.get(tile, []))]

    def unclaimed(self) -> list[int]:
        """Missing tiles that this process has not claimed, ascending."""
        return [tile for tile in self.missing() if tile not in self._claimed]

    def pending(self, poll_seconds: float = 0.5) -> Iterator[int]:
        """Tiles for this process to compute, until the sweep is complete or all that is left is being computed.

        Every tile comes claimed: until it is written or this process ends, other processes that share the folder get
        other tiles. Tiles that other processes hold come last, if those processes die. This process waits for that, or
        for the tiles to be written, only when it has written everything that it claimed: otherwise two processes could
        wait for each other, each with a finished tile that it has not written. Tiles that came and were not written do
        not come again from the same store.

        Args:
            poll_seconds: time between two looks at what others have written.

        Yields:
            A tile to compute and `write`; further tiles may be requested before that.
        """
        waited = False
        while left := self.unclaimed():
            came = False
            for tile in left:
                if not self._claims.take(tile):
                    continue
                if self._is_complete(tile, self._shards().get(tile, [])):  # written since the look at the folder
                    self._claims.release(tile)
                    continue
                self._claimed.add(tile)
                came = True
                yield tile
            if not came:
                if self._claimed:
                    return
                if not waited:
                    self._report(f"waiting for {len(left)} tiles in {str(self.folder)!r} that other processes compute.")
                waited = True
                time.sleep(poll_seconds)

    def write(self, tile: int, dataset: xr.Dataset) -> Path:
        """Write the shard of a tile, and give up the claim on it.

        Args:
            tile: its number, counted from 0.
            dataset: variables along the dimension "cell" and any others, of floats, bools, or integers of up to 32
                bits. What is the same for all tiles, above all attributes, belongs in the merged result. What differs
                between runs, such as times, does not belong here at all: a resumed sweep could then not be identical to
                an uninterrupted one.

        Returns:
            The path of the shard.

        Raises:
            ValueError: if there is no such tile, or the dataset could not be merged without changing its values.
            storage.DiskFullError: if there is no room; complete shards stay valid.
            OSError: if the folder cannot be written.
        """
        self._check(tile, dataset)
        content = bytes(dataset.drop_encoding().to_netcdf(engine="scipy"))
        path = self.folder / self._name(tile, content)
        storage.write_bytes(content, path)
        for name in self._damaged.pop(tile, set()) - {path.name}:
            with suppress(OSError):
                (self.folder / name).unlink()
        self._complete[tile] = path.name
        self._claimed.discard(tile)
        self._claims.release(tile)
        return path

    def read(self, tile: int) -> xr.Dataset:
        """The content of a tile, with its checksum checked again.

        Args:
            tile: its number.

        Raises:
            ValueError: if it has no valid shard.
        """
        return self._read([tile])[0]

    def read_all(self) -> list[xr.Dataset]:
        """The content of all tiles in the order of their numbers, with their checksums checked again.

        Raises:
            ValueError: if tiles have no valid shard; `pending` then yields them.
        """
        return self._read(range(self.num_tiles))

    def merged(self) -> xr.Dataset:
        """All tiles, checked again and joined along "cell" in the order of their numbers.

        Returns:
            Dataset whose "cell" dimension runs through the cells of tile 0, then those of tile 1, and so on; the code
            that cut the sweep into tiles knows the axes of the cells. If tiles are identical bit for bit, so is the
            result, however often the sweep was interrupted. It has no attributes; variables are sorted by name.

        Raises:
            ValueError: if tiles have no valid shard; `pending` then yields them.
        """
        return xr.concat(
            self.read_all(),
            CELL,
            data_vars="minimal",
            coords="minimal",
            compat="override",
            join="exact",
            combine_attrs="override",
        )

    def _read(self, tiles: Sequence[int]) -> list[xr.Dataset]:
        shards, datasets, absent = self._shards(), [], []
        for tile in tiles:
            content = self._content(tile, shards.get(tile, []))
            if content is None:
                absent.append(tile)
                continue
            with xr.open_dataset(io.BytesIO(content), engine="scipy") as dataset:
                datasets.append(dataset.load().drop_encoding())
        if absent:
            raise ValueError(
                f"{len(absent)} of {self.num_tiles} tiles have no valid shard in {str(self.folder)!r}, the first is "
                f"{absent[0]}. Run the sweep again; only they are computed."
            )
        return datasets

    def _shards(self) -> dict[int, list[str]]:
        return _shards_in(self.folder)

    def _is_complete(self, tile: int, names: list[str]) -> bool:
        return self._complete.get(tile) in names or self._content(tile, names) is not None

    def _content(self, tile: int, names: list[str]) -> bytes | None:
        """The content of the first valid shard of a tile; if there is none, the faults of all shards are reported."""
        faults = {}
        for name in names:
            try:
                content = (self.folder / name).read_bytes()
            except FileNotFoundError:
                if (self.folder / name).is_symlink():
                    faults[name] = "is a link to nothing"
                continue  # or another process replaced it
            except OSError as error:
                faults[name] = f"cannot be read ({error.strerror})"
                continue
            if name == self._name(tile, content):
                self._complete[tile] = name
                return content
            faults[name] = "does not match the checksum in its name: it was cut short, altered, or moved here"
        self._complete.pop(tile, None)
        known = self._damaged.get(tile, set())
        for name in faults.keys() - known:
            self._report(f"{str(self.folder / name)!r} {faults[name]}; tile {tile} counts as missing.")
        self._damaged[tile] = known | faults.keys()
        return None

    def _name(self, tile: int, content: bytes) -> str:
        return _name(self._identity, tile, content)

    def _check(self, tile: int, dataset: xr.Dataset) -> None:
        if not 0 <= tile < self.num_tiles:
            raise ValueError(f"there is no tile {tile}; the sweep has tiles 0 to {self.num_tiles - 1}.")
        for name, variable in dataset.variables.items():
            if CELL not in variable.dims or variable.dtype.name not in _EXACT:
                raise ValueError(
                    f"variable {name!r} has dimensions {variable.dims} and type {variable.dtype}; in a shard all run "
                    f"along {CELL!r} and have one of the types {', '.join(_EXACT)}. Convert it, or add it when "
                    f"the tiles are merged."
                )
        if dataset.attrs:
            raise ValueError(f"the dataset has attributes {list(dataset.attrs)}; add them when the tiles are merged.")


def check_place(folder: Path) -> bool:
    """Whether a folder exists; if not, it can be made. Nothing is written.

    Args:
        folder: where results should go.

    Raises:
        ValueError: if it cannot be written or made.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    storage.check_writable(place)
    return place == folder


def _whole(identity: Mapping[str, Any], num_tiles: int) -> tuple[dict[str, Any], Callable[[Path], bool]]:
    """The identity with the number of tiles, and a function that tells whether a file is a shard with this identity."""
    if num_tiles < 1:
        raise ValueError(f"num_tiles is {num_tiles}; a sweep has at least one tile.")
    whole = {**identity, "num_tiles": num_tiles}
    text = manifest.canonical(whole)

    def belongs(path: Path) -> bool:
        match = _SHARD.fullmatch(path.name)
        if match is None or not path.is_file():
            return False
        try:
            return int(match[1]) < num_tiles and path.name == _name(text, int(match[1]), path.read_bytes())
        except OSError:
            return False

    return whole, belongs


def _name(identity: str, tile: int, content: bytes) -> str:
    digest = hashlib.sha256(f"{identity}\n{tile}\n".encode() + content).hexdigest()
    return f"tile-{tile:05d}.{digest}.nc"


def _shards_in(folder: Path) -> dict[int, list[str]]:
    """Names of the shards of every tile, in an order on which all processes agree.

    Raises:
        ValueError: if one of them is not a file, and cannot be replaced by one.
    """
    shards: dict[int, list[str]] = {}
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry.is_file(follow_symlinks=False)) for entry in entries)
    for name, is_file in found:
        if match := _SHARD.fullmatch(name):
            if not is_file and not _is_replaceable(folder / name):
                raise ValueError(
                    f"{str(folder / name)!r} is in the place of a tile, but not a file: no tile could be read or "
                    f"written there. Move it elsewhere."
                )
            shards.setdefault(int(match[1]), []).append(name)
    return shards


def _is_replaceable(path: Path) -> bool:
    """Whether a path is a link to a file, or to nothing."""
    return path.is_symlink() and (path.is_file() or not path.exists())
