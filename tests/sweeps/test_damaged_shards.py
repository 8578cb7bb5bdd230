"""Shards that are damaged, or cannot be read or replaced."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from ntadyn.sweeps.shards import ShardStore
from tests.sweeps.shard_folders import FEW, assert_same_bits, fill, names, reopen, shard
from tests.sweeps.small_sweep import IDENTITY, compute


@pytest.fixture
def few(tmp_path):
    """A complete sweep of a few tiles."""
    folder = tmp_path / "few"
    fill(ShardStore.open(folder, IDENTITY, FEW))
    return folder


def truncate(folder):
    path = shard(folder, 2)
    os.truncate(path, path.stat().st_size // 2)


def empty(folder):
    os.truncate(shard(folder, 2), 0)


def flip_a_bit(folder):
    path = shard(folder, 2)
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def lose_the_checksum(folder):
    shard(folder, 2).rename(folder / "tile-00002.nc")


def swap_with_another_tile(folder):
    digest = shard(folder, 1).name.split(".")[1]
    shard(folder, 2).unlink()
    shutil.copy(shard(folder, 1), folder / f"tile-00002.{digest}.nc")


def take_from_another_sweep(folder):
    shard(folder, 2).unlink()
    other = ShardStore.open(folder.parent / "other", IDENTITY | {"version": 2}, FEW)
    shutil.copy(other.write(2, compute(2)), folder)


def put_a_link_to_nothing(folder):
    path = shard(folder, 2)
    path.unlink()
    path.symlink_to("nothing")


def put_a_link_to_itself(folder):
    path = shard(folder, 2)
    path.unlink()
    path.symlink_to(path)


DAMAGES = [truncate, empty, flip_a_bit, lose_the_checksum, swap_with_another_tile, take_from_another_sweep]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_computed_again(few, damage):
    before = names(few)
    damage(few)
    (damaged,) = few.glob("tile-00002.*nc")
    reports = []
    store = reopen(few, reports)
    assert store.missing() == [2]
    with pytest.raises(ValueError, match=r"1 of 4 tiles have no valid shard in .*few', the first is 2. Run the sweep"):
        store.merged()
    with pytest.raises(ValueError, match="the first is 2"):
        store.read(2)
    assert fill(store) == [2]
    assert reports == [
        f"{str(damaged)!r} does not match the checksum in its name: it was cut short, altered, or moved "
        "here; tile 2 counts as missing."
    ]  # once
    assert names(few) == before
    assert_same_bits(store.read(2), compute(2))


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (put_a_link_to_nothing, "is a link to nothing"),
        (put_a_link_to_itself, "cannot be read (Too many levels of symbolic"),
    ],
)
def test_a_shard_that_cannot_be_read_is_computed_again(few, damage, fault):
    before = names(few)
    damage(few)
    reports = []
    assert fill(reopen(few, reports)) == [2]
    assert len(reports) == 1
    assert fault in reports[0]
    assert names(few) == before
    assert_same_bits(reopen(few).read(2), compute(2))


def test_a_shard_that_may_not_be_read_is_computed_again(few, monkeypatch):
    original, locked = Path.read_bytes, shard(few, 2)

    def refused(path):
        if path == locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        with pytest.warns(UserWarning, match=r"cannot be read \(Permission denied\); tile 2 counts as missing"):
            assert fill(reopen(few)) == [2]
    assert_same_bits(reopen(few).read(2), compute(2))


def a_folder(path):
    path.mkdir()


def a_pipe(path):
    os.mkfifo(path)


def a_link_to_a_folder(path):
    path.symlink_to(path.parent)


@pytest.mark.parametrize("make", [a_folder, a_pipe, a_link_to_a_folder])
@pytest.mark.parametrize("complete", [True, False])
def test_what_a_tile_cannot_replace_is_noticed_before_anything_is_computed(few, make, complete):
    path = shard(few, 2)
    path.unlink()
    if not complete:
        shard(few, 3).unlink()
    make(path)
    before = names(few)
    for attempt in (ShardStore.check, ShardStore.open):
        with pytest.raises(
            ValueError, match=r"tile-00002.*nc' is in the place of a tile, but not a file.*Move it elsewhere"
        ):
            attempt(few, IDENTITY, FEW)
    assert names(few) == before
    path.unlink() if path.is_symlink() or not path.is_dir() else path.rmdir()
    assert fill(reopen(few)) == ([2] if complete else [2, 3])


def test_a_damaged_copy_beside_a_valid_shard_does_no_harm(few):
    (few / f"tile-00002.{'0' * 64}.nc").write_text("not a shard")
    assert reopen(few).missing() == []  # without a warning
    assert_same_bits(reopen(few).read(2), compute(2))


def test_checksums_are_taken_once_and_again_when_merging(few, monkeypatch):
    store, reads = reopen(few), []
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (reads.append(path), original(path))[1])
    assert store.missing() == store.missing() == []
    assert len(reads) == FEW
    flip_a_bit(few)
    assert store.missing() == []
    with pytest.warns(UserWarning, match="tile 2 counts as missing"), pytest.raises(ValueError, match="the first is 2"):
        store.merged()
    assert fill(store) == [2]
    flip_a_bit(few)
    with pytest.warns(UserWarning, match="tile 2 counts as missing"), pytest.raises(ValueError, match="the first is 2"):
        store.read(2)
    assert fill(store) == [2]
    assert store.merged().sizes["cell"] == 4 * FEW
