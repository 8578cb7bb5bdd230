"""Result files from anybody: opened without following, bounded, and examined before they are loaded.

The HDF5 library was not made for files that somebody damaged or forged: one wrong byte can keep it busy for ever or end
the process, and a file may name others that it then reads. So a process of its own, with limits on time and memory,
looks at everything in the file first (see `ntadyn.results.hdf5_examination`); what got through that is loaded here.
"""

import io
import json
import os
import signal
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import xarray as xr

LARGEST = 2 * 2**30
_SECONDS = 60.0
# Slower than the examination ever is that computes without a break: it may have to wait.
_BYTES_PER_SECOND = 4 * 2**20
_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from ntadyn.results.hdf5_examination import main
main()
"""


def content_of(path: Path) -> bytes:
    """All bytes of an ordinary file.

    Args:
        path: the file; links to it are followed.

    Raises:
        ValueError: if it is something else, such as a folder, a pipe or a device, or larger than `LARGEST`.
        OSError: if it cannot be opened.
    """
    # Before opening as well, because opening a pipe waits and opening a device may set it off.
    _check_ordinary(path, os.stat(path))
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        _check_ordinary(path, status)
        # Not to the end: that of a file which the system makes up may never come.
        return file.read(status.st_size)


def _check_ordinary(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{str(path)!r} is not an ordinary file; name a NetCDF file that an ntadyn command wrote.")
    if status.st_size > LARGEST:
        raise ValueError(
            f"{str(path)!r} has {status.st_size / 2**30:.1f} GiB, and files of up to {LARGEST / 2**30:g} GiB are read. "
            f"Open it with xarray and write a part of it."
        )


def dataset_from(content: bytes) -> xr.Dataset:
    """The dataset that a NetCDF-4 file holds, in memory.

    Args:
        content: the whole file.

    Returns:
        Plain variables and attributes; numbers with units of time stay numbers.

    Raises:
        ValueError: if it holds anything else; the message is a clause without a subject's name.
        OSError: if no process can be started, or it does not get to run.
    """
    _examine(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about conventions that the file breaks; what matters is checked later
            with xr.open_dataset(io.BytesIO(content), engine="h5netcdf", decode_times=False) as dataset:
                return dataset.load()
    except Exception as error:  # whatever a library raises for a file that others wrote
        raise ValueError(f"its conventions make no sense ({_first_line(error)})") from error


def _examine(content: bytes) -> None:
    # The same places to import from as here, and none that the environment or the working folder adds.
    command = [sys.executable, "-I", "-c", _START, json.dumps([place for place in sys.path if place])]
    try:
        done = subprocess.run(
            command,
            input=content,
            capture_output=True,
            timeout=_SECONDS + len(content) / _BYTES_PER_SECOND,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        # Computing for ever is stopped by a limit of its own, so this one waited: the computer is busy, or slept.
        raise OSError(f"examining a file took longer than {error.timeout:.0f} s; try again") from error
    if done.returncode == -signal.SIGXCPU:
        raise ValueError("it is damaged, or reading it takes too long: it does not come to an end in time")
    if done.returncode < 0:
        raise ValueError(f"it is damaged: reading it ended with signal {-done.returncode}")
    try:
        refused = json.loads(done.stdout)
    except ValueError as error:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise OSError(f"cannot start a process to examine files with: {lines[-1]}") from error
    if refused:
        raise ValueError(refused)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
