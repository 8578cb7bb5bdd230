"""Files are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr


@contextmanager
def writing(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place when the block ends without an error.

    Args:
        target: the file to write; its folder must exist.

    Yields:
        The path to write to.

    Raises:
        OSError: if the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private; results get the permissions that any other new file would have.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


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
