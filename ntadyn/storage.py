"""Files are written whole or not at all."""

import errno
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import xarray as xr

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_HOST = re.sub(r"[^\w-]", "-", platform.node())
_PART = re.compile(r"\.(?P<host>[\w-]*)\.(?P<process>\d{1,9})\.[0-9a-f]{8}\.part$")
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
    temporary = target.with_name(f".{target.name}.{_HOST}.{os.getpid()}.{secrets.token_hex(4)}.part")
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
            raise DiskFullError(error.errno, _no_room(target)) from error
        raise


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _no_room(target: Path) -> str:
    free = shutil.disk_usage(target.parent).free
    return (
        f"the disk, or your share of it, is full: {target.name!r} does not fit into {str(target.parent)!r}, where "
        f"{free / 2**20:.1f} MiB are free. Files written earlier are complete and stay valid. Make room and run again."
    )


def remove_abandoned(folder: Path) -> None:
    """Delete the temporary files that killed processes left in a folder.

    A file of a living process on this machine is spared, and so is one that another machine may still be writing, until
    it is a day old.

    Args:
        folder: where `writing` was used.
    """
    for path in folder.glob(".*.part"):
        name = _PART.search(path.name)
        with suppress(FileNotFoundError):  # two processes may be cleaning at the same time
            old = time.time() - path.stat().st_mtime > _OLD_AFTER_SECONDS
            if old or (name is not None and name["host"] == _HOST and not _is_running(int(name["process"]))):
                path.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to somebody else
        return True
    return True


def output_folder(path: Path) -> Path:
    """The folder for results, made if it does not exist; checked before any work is done.

    Args:
        path: where results should go.

    Returns:
        The same path.

    Raises:
        ValueError: if it is a file, or cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ValueError(
            f"cannot write to the output folder {str(path)!r}: {error.strerror}. Choose a folder that you may write to "
            f"with --out."
        ) from error
    return path


def write_dataset(dataset: xr.Dataset, target: Path) -> Path:
    """Write a labelled NetCDF file.

    Args:
        dataset: what to write.
        target: the file, suffix .nc.

    Returns:
        The path.

    Raises:
        OSError: if it cannot be written; nothing is left behind then.
    """
    with writing(target) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")
    return target


def read_dataset(path: Path) -> xr.Dataset:
    """Read a file that `write_dataset` wrote into memory."""
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()
