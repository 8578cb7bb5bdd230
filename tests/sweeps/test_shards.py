"""Shards: types that come back, tiles that are claimed and written once, what is refused, disks that are full."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from ntadyn.results import storage
from ntadyn.results.storage import DiskFullError, writing
from ntadyn.sweeps.shards import ShardStore
from tests.sweeps.shard_folders import FEW, assert_same_bits, fill, names, reopen
from tests.sweeps.small_sweep import IDENTITY, compute


@pytest.fixture
def few(tmp_path):
    """A complete sweep of a few tiles."""
    folder = tmp_path / "few"
    fill(ShardStore.open(folder, IDENTITY, FEW))
    return folder


def test_every_type_comes_back_with_the_same_bits(tmp_path):
    bits = np.random.default_rng(0).integers(0, 256, (6, 512), dtype=np.uint8)
    types = ("float64", "float32", "int32", "int16", "int8")
    dataset = xr.Dataset({name: ("cell", row.view(name)[:64]) for name, row in zip(types, bits, strict=False)})
    dataset["float64"][:3] = [-0.0, np.inf, np.nan]
    dataset["bool"] = ("cell", bits[5, :64] > 127)
    dataset["float64"].attrs = {"long_name": "τ and more", "units": "1"}
    store = ShardStore.open(tmp_path, IDENTITY, 1)
    store.write(0, dataset)
    assert_same_bits(store.read(0), dataset)
    assert_same_bits(store.merged(), dataset)
    with xr.open_dataset(next(tmp_path.glob("*.nc"))) as plain:  # without knowing anything about shards
        np.testing.assert_array_equal(plain.int32, dataset.int32)


def test_tiles_that_are_being_computed_do_not_come_twice(tmp_path):
    store = ShardStore.open(tmp_path, IDENTITY, FEW)
    assert list(store.pending()) == [0, 1, 2, 3]  # several at the same time, written later
    assert list(store.pending()) == []
    for tile in (3, 1, 0):
        store.write(tile, compute(tile))
    assert store.missing() == [2]


def test_writing_a_tile_twice_leaves_one_shard(few):
    before = names(few)
    for store in (reopen(few), reopen(few)):
        store.write(1, compute(1))
    assert names(few) == before


def test_shards_of_other_processes_count(tmp_path):
    first, second = reopen(tmp_path), reopen(tmp_path)
    assert first.missing() == [0, 1, 2, 3]
    second.write(2, compute(2))
    assert first.missing() == [0, 1, 3]
    next(tmp_path.glob("tile-00002.*")).unlink()
    assert first.missing() == second.missing() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("tile", "change", "message"),
    [
        (FEW, lambda dataset: dataset, "there is no tile 4; the sweep has tiles 0 to 3"),
        (-1, lambda dataset: dataset, "there is no tile -1"),
        (0, lambda dataset: dataset.assign(x=("cell", np.arange(4))), "'x' has .* type int64.*Convert it"),
        (0, lambda dataset: dataset.assign_coords(path=[0, 1]), r"'path' has dimensions \('path',\).*along 'cell'"),
        (0, lambda dataset: dataset.assign_attrs(run_seconds=1.0), r"attributes \['run_seconds'\]; add them when"),
    ],
)
def test_what_would_not_merge_to_the_same_is_refused(tmp_path, tile, change, message):
    store = reopen(tmp_path)
    with pytest.raises(ValueError, match=message):
        store.write(tile, change(compute(0)))
    assert names(tmp_path) == ["sweep.json"]


def test_a_sweep_has_tiles(tmp_path):
    with pytest.raises(ValueError, match="num_tiles is 0"):
        ShardStore.open(tmp_path / "none", IDENTITY, 0)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_and_leaves_what_is_complete(tmp_path, monkeypatch, code):
    store = reopen(tmp_path)
    store.write(0, compute(0))
    before = names(tmp_path)

    def full(handle):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match=r"full: 'tile-00001.*MiB are free.*stay valid. Make room") as caught:
            store.write(1, compute(1))
    assert caught.value.errno == code
    assert repr(str(tmp_path)) in str(caught.value)
    assert names(tmp_path) == before
    assert reopen(tmp_path).missing() == [1, 2, 3]
    assert fill(reopen(tmp_path)) == [1, 2, 3]


def test_other_errors_of_the_disk_are_not_called_full(tmp_path, monkeypatch):
    def broken(handle):
        raise OSError(errno.EIO, "Input/output error")

    store = reopen(tmp_path)
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output") as caught:
        store.write(1, compute(1))
    assert not isinstance(caught.value, DiskFullError)
    assert names(tmp_path) == ["sweep.json"]


def test_opening_a_store_removes_what_killed_processes_left(few):
    finished_process = subprocess.Popen(["true"])
    finished_process.wait()
    before = names(few)
    with writing(few / "file") as temporary:
        left = temporary.name.replace(f".{os.getpid()}.", f".{finished_process.pid}.")
    (few / left).touch()
    assert names(few) != before
    reopen(few)
    assert names(few) == sorted([*before, "file"])


def test_a_check_touches_nothing_beside_the_folder_that_it_would_make(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    abandoned = tmp_path / f".result.nc.ntadyn.{storage._HOST}.{ended.pid}.01234567.part"
    abandoned.write_text("of a process that has ended")
    before = sorted(tmp_path.iterdir())
    ShardStore.check(tmp_path / "new" / "deeper", IDENTITY, 2)
    assert sorted(tmp_path.iterdir()) == before
