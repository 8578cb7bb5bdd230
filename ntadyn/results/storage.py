"""Files are written whole or not at all, and read only if they are whole."""

import errno
import os
import platform
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import xarray as xr

from ntadyn.results import checksum, untrusted

_NO_ROOM = {
    errno.ENOSPC: "the disk, or your share of it, is full",
    errno.EDQUOT: "the disk, or your share of it, is full",
    errno.EFBIG: "files are not allowed to become so large here",
}
_HOST = re.sub(r"[^\w-]", "-", platform.node())
# What `writing` calls its temporary files, and nobody else: the name of the target, our mark, and who writes.
_PART = re.compile(r"\..*\.ntadyn\.(?P<host>[\w-]*)\.(?P<process>\d{1,9})\.[0-9a-f]{8}\.part", re.DOTALL)
_LONGEST_NAME = 150
_OLD_AFTER_SECONDS = 24 * 3600.0


class DiskFullError(OSError):
    """There is no room for a file; nothing of it is left behind, and the files written before it are untouched."""


@contextmanager
def writing(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place when the block ends without an error.

    The content is on the disk before the name changes, so that after a crash of the program or of the machine `target`
    is as it was before or complete.

    Args:
        target: the file to write; its folder must exist.

    Yields:
        The path to write to; no other process has the same one.

    Raises:
        DiskFullError: if there is no room.
        OSError: if the folder cannot be written.
    """
    name = target.name if len(os.fsencode(target.name)) < _LONGEST_NAME else "long-name"
    temporary = target.with_name(f".{name}.ntadyn.{_HOST}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
        with suppress(OSError):  # some file systems cannot flush a folder; they keep the order of changes by themselves
            _flush(target.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise DiskFullError(error.errno, _no_room(error.errno, target)) from error
        raise


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _no_room(code: int, target: Path) -> str:
    free = shutil.disk_usage(target.parent).free
    return (
        f"{_NO_ROOM[code]}: {target.name!r} does not fit into {str(target.parent)!r}, where {free / 2**20:.1f} MiB are "
        f"free. Files written earlier are complete and stay valid. Make room and run again."
    )


def write_bytes(content: bytes, target: Path) -> Path:
    """Write a file whose content is ready in memory, so that no library is in the middle of it when the disk is full.

    Args:
        content: all of it.
        target: the file; its folder must exist.

    Returns:
        The path.

    Raises:
        DiskFullError: if there is no room.
        OSError: if it cannot be written; nothing is left behind then.
    """
    with writing(target) as temporary:
        temporary.write_bytes(content)
    return target


def remove_abandoned(folder: Path) -> None:
    """Delete the temporary files that killed processes left in a folder; what `writing` did not name is never touched.

    A file of a living process on this machine is spared, and so is one that another machine may still be writing, until
    it is a day old.

    Args:
        folder: where `writing` was used.
    """
    for path in folder.iterdir():
        name = _PART.fullmatch(path.name)
        if name is None:
            continue
        with suppress(OSError):  # two processes may be cleaning at the same time, and others own the folder
            status = path.lstat()
            old = time.time() - status.st_mtime > _OLD_AFTER_SECONDS
            ended = name["host"] == _HOST and not _is_running(int(name["process"]))
            if stat.S_ISREG(status.st_mode) and (old or ended):
                path.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # it belongs to somebody else, or can be no process of this machine
        return True
    return True


def output_folder(path: Path) -> Path:
    """The folder for results, made if it does not exist; checked before any work is done.

    What killed runs left half-written in it is gone.

    Args:
        path: where results should go.

    Returns:
        The same path.

    Raises:
        ValueError: if it is a file, or cannot be made or written.
    """
    with _saying_where(path):
        path.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    with suppress(OSError):  # a folder may be written without being listed
        remove_abandoned(path)
    return path


def check_writable(folder: Path) -> None:
    """Raise ValueError if a folder that exists cannot be written; nothing is left in it.

    Args:
        folder: any folder.
    """
    with _saying_where(folder), tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def _saying_where(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"cannot write to the output folder {str(path)!r}: {error.strerror}. Choose a folder that you may write to "
            f"with --out."
        ) from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An `output_folder` for what is done in it; where that fails, folders that were made for it and stayed empty go.

    Args:
        path: where results should go.

    Yields:
        The same path.

    Raises:
        ValueError: see `output_folder`.
    """
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        yield output_folder(path)
    except BaseException:
        for folder in made:
            with suppress(OSError):  # it holds something, or is not there
                folder.rmdir()
        raise


def write_dataset(dataset: xr.Dataset, target: Path) -> Path:
    """Write a labelled NetCDF file with a checksum of its content at the end, which NetCDF readers do not look at.

    Args:
        dataset: what to write.
        target: the file, suffix .nc.

    Returns:
        The path.

    Raises:
        DiskFullError: if there is no room.
        OSError: if it cannot be written; nothing is left behind then.
    """
    # In memory first: the HDF5 library ends the process when a disk fills up under it.
    return write_bytes(checksum.sealed(bytes(dataset.to_netcdf(engine="h5netcdf"))), target)


def read_dataset(path: Path) -> xr.Dataset:
    """Read a file that `write_dataset` wrote into memory, whoever it comes from; see `ntadyn.results.untrusted`.

    A file without a checksum, which another program wrote or changed, is read as it is. Numbers with units of time stay
    numbers.

    Args:
        path: the file.

    Returns:
        Its content; `encoding["checksum"]` says whether it was compared with its checksum.

    Raises:
        ValueError: if it is damaged, cut short, too large, or something else than a plain NetCDF-4 file.
        OSError: if it cannot be opened.
    """
    content = untrusted.content_of(path)
    try:
        compared = checksum.compared(content)
        dataset = untrusted.dataset_from(content)
    except ValueError as error:
        raise ValueError(
            f"cannot read {str(path)!r} as NetCDF: {error}; name a complete file that an ntadyn command wrote."
        ) from error
    dataset.encoding["checksum"] = compared
    return dataset
