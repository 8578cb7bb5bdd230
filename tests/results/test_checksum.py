import hashlib

import h5py
import numpy as np
import pytest
import xarray as xr

from ntadyn.results import checksum
from ntadyn.results.storage import read_dataset, write_dataset
from tests.hostile_files.good import content, good_sweep


@pytest.fixture(scope="module")
def sealed():
    return checksum.sealed(content(good_sweep()))


def test_a_flipped_bit_anywhere_in_a_file_is_noticed(sealed):
    assert checksum.compared(sealed)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1 << place % 8
        with pytest.raises(ValueError, match="damaged|another format|cut short"):
            checksum.compared(bytes(changed))


def test_a_file_that_ends_anywhere_else_is_noticed(sealed):
    line = sealed.rindex(b"\nsha256")
    for end in (*range(0, len(sealed), 37), line - 1, line + 1, len(sealed) - 1):
        with pytest.raises(ValueError, match="damaged|another format|cut short|empty"):
            checksum.compared(sealed[:end])
    for more in (b"\0", b"\n", sealed):
        with pytest.raises(ValueError, match="it is damaged"):
            checksum.compared(sealed + more)


def test_a_file_of_another_program_has_none(sealed):
    assert not checksum.compared(content(good_sweep()))


def test_anybody_can_compare_the_checksum(sealed):
    body, line = sealed[: sealed.rindex(b"\nsha256")], sealed[sealed.rindex(b"\nsha256") :]
    assert line.split()[-1].decode() == hashlib.sha256(body).hexdigest()


def test_other_programs_read_the_file_and_leave_no_wrong_checksum_when_they_change_it(tmp_path):
    path = write_dataset(good_sweep(), tmp_path / "result.nc")
    assert read_dataset(path).encoding["checksum"] is True
    with xr.open_dataset(path, engine="h5netcdf") as plain:
        xr.testing.assert_identical(plain.load(), good_sweep())
    with h5py.File(path, "r+") as file:
        file["alignment"][0, 0, 0] = 0.75
    changed = read_dataset(path)
    assert changed.encoding["checksum"] is False
    assert changed.alignment[0, 0, 0] == 0.75
    plain.assign_attrs(remark="mine").to_netcdf(path, engine="h5netcdf")
    rewritten = read_dataset(path)
    assert rewritten.encoding["checksum"] is False
    np.testing.assert_array_equal(rewritten.alignment, good_sweep().alignment)
