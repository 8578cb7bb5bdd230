"""Processes that are killed, starved of disk space or set upon each other leave the shards of an undisturbed one."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import ntadyn
from ntadyn.sweeps.shards import ShardStore
from tests.sweeps.shard_folders import assert_same_bits, fill, names, shard
from tests.sweeps.small_sweep import IDENTITY, NUM_TILES, compute

SCRIPT = Path(__file__).with_name("small_sweep.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of an uninterrupted sweep, not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    assert fill(ShardStore.open(folder, IDENTITY, NUM_TILES)) == list(range(NUM_TILES))
    return folder


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
