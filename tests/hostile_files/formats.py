"""Other formats, and other programs."""

import zipfile

import h5py
import numpy as np
import xarray as xr

from tests.hostile_files.good import content, good_simulation, good_sweep
from tests.hostile_files.registry import NAME, kind


@kind("of another format")
def a_table_of_text(folder):
    return b"block_duration,alignment\n0.1,0.9\n"


@kind("of another format")
def a_picture(folder):
    return b"\x89PNG\r\n\x1a\n" + bytes(1000)


@kind("of another format")
def an_older_kind_of_netcdf(folder):
    return bytes(good_sweep().to_netcdf(engine="scipy"))


@kind("of another format")
def an_archive(folder):
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        archive.writestr(NAME, content(good_sweep()))


@kind("its first block makes no sense")
def eight_right_bytes_and_then_zeros(folder):
    return b"\x89HDF\r\n\x1a\n\x09" + bytes(500)


@kind("its first block makes no sense")
def eight_right_bytes(folder):
    return b"\x89HDF\r\n\x1a\n"


@kind("made by another program")
def arrays_without_dimensions(folder):
    with h5py.File(folder / NAME, "w") as file:
        file["result"] = np.zeros((3, 2), int)


@kind("no result codes over seeds")
def a_dataset_of_something_else(folder):
    return content(xr.Dataset({"temperature": ("day", [1.0, 2.0])}))


@kind("no result codes over seeds")
def a_simulation_of_another_program(folder):
    return content(good_simulation().drop_vars("result"))
