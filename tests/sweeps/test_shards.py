import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import ntadyn
from ntadyn.results import storage
from ntadyn.results.storage import DiskFullError, writing
from ntadyn.sweeps.shards import ShardStore
from tests.sweeps.small_sweep import IDENTITY, NUM_TILES, compute

SCRIPT = Path(__file__).with_name("small_sweep.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}
FEW = 4


def script(*arguments):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process):
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def names(folder):
    return sorted(item.name for item in folder.iterdir())


def fill(store):
    done = []
    for tile in store.pending():
        store.write(tile, compute(tile))
        done.append(tile)
    return done


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of an uninterrupted sweep, not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    assert fill(ShardStore.open(folder, IDENTITY, NUM_TILES)) == list(range(NUM_TILES))
    return folder


@pytest.fixture
def few(tmp_path):
    """A complete sweep of a few tiles."""
    folder = tmp_path / "few"
    fill(ShardStore.open(folder, IDENTITY, FEW))
    return folder


def reopen(folder, reports=None):
    return ShardStore.open(folder, IDENTITY, FEW, *([] if reports is None else [reports.append]))


def assert_same_bits(left, right):
    assert left.sizes == right.sizes
    assert set(left.variables) == set(right.variables)
    for name in left.variables:
        assert left[name].dims == right[name].dims
        assert left[name].dtype == right[name].dtype
        assert left[name].values.tobytes() == right[name].values.tobytes()
        assert left[name].attrs == right[name].attrs
    assert left.attrs == right.attrs


def test_merged_tiles_are_what_was_written(whole):
    store = ShardStore.open(whole, IDENTITY, NUM_TILES)
    assert store.missing() == []
    assert list(store.pending()) == []
    assert_same_bits(store.read(7), compute(7))
    merged = store.merged()
    assert dict(merged.sizes) == {"cell": 4 * NUM_TILES, "seed": 3, "path": 2}
    for name in merged:
        expected = np.concatenate([compute(tile)[name].values for tile in range(NUM_TILES)])
        assert merged[name].dtype == expected.dtype
        assert merged[name].values.tobytes() == expected.tobytes()
    assert json.loads((whole / "sweep.json").read_text()) == {**IDENTITY, "num_tiles": NUM_TILES}
    assert len(names(whole)) == NUM_TILES + 1


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


def test_killed_twenty_times_and_resumed_gives_identical_bits(whole, tmp_path):
    folder = tmp_path / "killed"
    output = finished(script("killed", folder, 20, 0))
    assert output.endswith("hits 20\n")
    assert names(folder) == names(whole)  # names hold checksums
    store = ShardStore.open(folder, IDENTITY, NUM_TILES)
    assert_same_bits(store.merged(), ShardStore.open(whole, IDENTITY, NUM_TILES).merged())


def test_two_processes_share_a_sweep(whole, tmp_path):
    folder = tmp_path / "shared"
    output = finished(script("together", folder, 2))
    tiles = sorted(int(line.split()[1]) for line in output.splitlines() if line.startswith("wrote"))
    assert tiles == list(range(NUM_TILES))  # none of them twice
    assert names(folder) == names(whole)


def test_what_a_dead_process_had_claimed_is_taken_over(tmp_path):
    holder = script("hold", tmp_path)
    try:
        assert holder.stdout.readline() == "holds 0, wrote 1\n"
        shard(tmp_path, 1).unlink()  # once written, a tile is nobody's
        reports = []
        store = ShardStore.open(tmp_path, IDENTITY, NUM_TILES, reports.append)
        pending = store.pending(poll_seconds=0.01)
        for tile in range(1, NUM_TILES):
            assert next(pending) == tile
            store.write(tile, compute(tile))
        assert store.missing() == [0]
        threading.Timer(0.1, holder.kill).start()
        assert next(pending) == 0
        assert holder.wait() != 0
        assert reports == [f"waiting for 1 tiles in {str(tmp_path)!r} that other processes compute."]
    finally:
        holder.kill()
        holder.communicate()


def test_nobody_waits_with_finished_tiles_in_hand(tmp_path):
    holder = script("hold", tmp_path)
    try:
        assert holder.stdout.readline() == "holds 0, wrote 1\n"
        store = ShardStore.open(tmp_path, IDENTITY, NUM_TILES)
        assert list(store.pending()) == list(range(2, NUM_TILES))  # not waiting for 0: its holder may wait for these
        assert store.unclaimed() == [0]
        assert store.missing() == [0, *range(2, NUM_TILES)]
    finally:
        holder.kill()
        holder.communicate()


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


def shard(folder, tile):
    (path,) = folder.glob(f"tile-{tile:05d}.*nc")
    return path


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


@pytest.mark.slow
def test_a_disk_that_fills_up_for_real(whole, tmp_path):
    # A small file system in memory, in a namespace of its own: systems that allow that ask for no rights.
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=80k tmpfs {tmp_path}"
    if not shutil.which("unshare") or subprocess.run([*namespace, mount], capture_output=True).returncode:
        pytest.skip("this system gives users no file systems of their own")
    run = f"{sys.executable} {SCRIPT} run {tmp_path}"
    show = f"LC_ALL=C ls -A {tmp_path}"
    grow = f"mount -o remount,size=4m {tmp_path}"
    commands = f"{mount} && ! {run} && {show} && echo --- && {grow} && {run} && echo --- && {show}"
    result = subprocess.run([*namespace, commands], env=ENVIRONMENT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "DiskFullError" in result.stderr
    assert "MiB are free. Files written earlier are complete and stay valid" in result.stderr
    full, resumed, listing = result.stdout.split("---\n")
    assert 0 < full.count("wrote") < NUM_TILES
    assert ".part" not in full
    assert full.count("wrote") + resumed.count("wrote") == NUM_TILES
    assert listing.split() == names(whole)


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
