import errno
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ntadyn.sweeps.shards import ShardStore
from tests.sweeps.small_sweep import IDENTITY, compute


def names(folder):
    return sorted(item.name for item in folder.iterdir())


def test_a_folder_of_another_sweep_is_refused_with_every_difference(tmp_path):
    ShardStore.open(tmp_path, IDENTITY, 4)
    values = list(range(100))
    other = {
        "configuration": {"time_constants": {"gates": 0.04, "weights": 1.3}, "batch_size": None},
        "axes": [{"name": "a", "values": values}],
    }
    before = names(tmp_path)
    with pytest.raises(ValueError, match="belongs to another sweep") as caught:
        ShardStore.open(tmp_path, other, 8)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("These entries differ:")
    assert lines[1:-1] == [
        "  axes.0.values: [0] there, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1… here",
        "  configuration.batch_size: nothing there, null here",
        "  configuration.time_constants.gates: 0.03 there, 0.04 here",
        "  num_tiles: 4 there, 8 here",
    ]
    assert "Choose another folder (the commands take it as --out); what this one holds stays as it is." in lines[-1]
    assert names(tmp_path) == before


def test_long_values_are_cut_to_where_they_differ(tmp_path):
    values = [float(value) for value in range(100)]
    ShardStore.open(tmp_path, {"values": values}, 1)
    with pytest.raises(ValueError, match=r"values: ….*, 70.0, .*… there, ….*, 70.5, .*… here\n") as caught:
        ShardStore.open(tmp_path, {"values": [*values[:70], 70.5, *values[71:]]}, 1)
    assert len(str(caught.value).splitlines()[1]) < 160


def test_the_same_identity_in_another_form_is_the_same(tmp_path):
    first = ShardStore.open(tmp_path, {"b": (1, 2), "a": float("nan"), "λ": {}}, 1)
    first.write(0, compute(0))
    assert ShardStore.open(tmp_path, {"λ": {}, "a": float("nan"), "b": [1, 2]}, 1).missing() == []


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / ".hidden").touch()
    (tmp_path / "thesis.tex").write_text("kept")
    with pytest.raises(
        ValueError, match=r"there is no sweep.json, and 'thesis.tex', the first of 1, .*or an empty folder"
    ):
        ShardStore.open(tmp_path, IDENTITY, 4)
    assert names(tmp_path) == [".hidden", "thesis.tex"]
    (tmp_path / "thesis.tex").unlink()
    assert ShardStore.open(tmp_path, IDENTITY, 4).missing() == [0, 1, 2, 3]


def missing(path):
    path.unlink()


def cut_short(path):
    path.write_bytes(path.read_bytes()[:10])


def empty(path):
    path.write_bytes(b"")


def no_text(path):
    path.write_bytes(b"\xff")


def no_entries(path):
    path.write_text("[]")


def link_to_nothing(path):
    path.unlink()
    path.symlink_to("nothing")


def link_to_itself(path):
    path.unlink()
    path.symlink_to(path)


def folder(path):
    path.unlink()
    path.mkdir()


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def nested_deeply(path):
    path.write_text('{"a": ' * 10_000 + "1" + "}" * 10_000)


LOST = [missing, cut_short, empty, no_text, no_entries, nested_deeply, link_to_nothing, link_to_itself]
IN_THE_WAY = [folder, pipe]


def finish_some(place, identity=IDENTITY, tiles=(1, 3)):
    store = ShardStore.open(place, identity, 4)
    for tile in tiles:
        store.write(tile, compute(tile))
    return names(place)


@pytest.mark.parametrize("damage", LOST)
def test_finished_tiles_are_kept_when_the_manifest_is_lost(tmp_path, damage):
    before = finish_some(tmp_path)
    damage(tmp_path / "sweep.json")
    ShardStore.check(tmp_path, IDENTITY, 4)
    assert ShardStore.open(tmp_path, IDENTITY, 4).missing() == [0, 2]
    assert names(tmp_path) == before
    with pytest.raises(ValueError, match="belongs to another sweep"):  # it says again whose they are
        ShardStore.open(tmp_path, {"other": 1}, 4)


@pytest.mark.parametrize("damage", LOST + IN_THE_WAY)
@pytest.mark.parametrize("others", ["all", "one", "none"])
def test_a_folder_is_not_taken_over_where_something_in_it_is_not_of_this_sweep(tmp_path, damage, others):
    ours = tmp_path / "ours"
    finish_some(ours, IDENTITY if others != "all" else {"other": 1})
    if others == "one":
        finish_some(tmp_path / "theirs", {"other": 1}, tiles=[0])
        shutil.copy(next((tmp_path / "theirs").glob("tile-*")), ours)
    if others == "none":
        for path in ours.glob("tile-*"):
            path.unlink()
    damage(ours / "sweep.json")
    before = names(ours)
    if others == "none" and damage is missing:
        ShardStore.check(ours, IDENTITY, 4)  # nothing is there
        return
    for attempt in (ShardStore.check, ShardStore.open):
        with pytest.raises(
            ValueError, match=r"nothing says which sweep the folder '.*ours' belongs to: .*elsewhere"
        ) as caught:
            attempt(ours, IDENTITY, 4)
    assert "delete" not in str(caught.value)
    assert ("'tile-" in str(caught.value)) == (others != "none")
    assert names(ours) == before


@pytest.mark.parametrize("damage", IN_THE_WAY)
def test_what_is_not_a_file_in_place_of_the_manifest_stays(tmp_path, damage):
    finish_some(tmp_path)
    damage(tmp_path / "sweep.json")
    with pytest.raises(ValueError, match=r"sweep.json cannot be read \(it is not a file\). Choose another"):
        ShardStore.open(tmp_path, IDENTITY, 4)
    assert not (tmp_path / "sweep.json").is_file()


def test_a_manifest_that_may_not_be_written_lets_everyone_compute(tmp_path, monkeypatch):
    finish_some(tmp_path)
    opened = os.open

    def read_only(path, flags, *args, **kwargs):
        if str(path).endswith("sweep.json") and flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", read_only)
    store = ShardStore.open(tmp_path, IDENTITY, 4)
    tiles = []
    for tile in store.pending():
        store.write(tile, compute(tile))
        tiles.append(tile)
    assert tiles == [0, 2]
    assert store.missing() == []


@pytest.mark.parametrize("place", ["new", "deep/er", "there"])
def test_a_check_leaves_no_trace(tmp_path, place):
    (tmp_path / "there").mkdir()
    before = sorted(tmp_path.rglob("*"))
    ShardStore.check(tmp_path / place, IDENTITY, 4)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("make", [Path.touch, link_to_nothing, link_to_itself, pipe])
def test_what_is_no_folder_is_refused(tmp_path, make):
    place = tmp_path / "place"
    place.touch()
    make(place)
    for attempt in (ShardStore.check, ShardStore.open):
        for target in (place, place / "deeper"):
            with pytest.raises(ValueError, match="cannot write to the output folder"):
                attempt(target, IDENTITY, 4)
    assert names(tmp_path) == ["place"]


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    for attempt in (ShardStore.check, ShardStore.open):
        with pytest.raises(ValueError, match=r"cannot use the folder .*: Permission denied. Choose another folder"):
            attempt(tmp_path, IDENTITY, 4)


def test_of_two_sweeps_that_start_in_one_folder_one_is_refused(tmp_path):
    def start(folder, version, barrier):
        barrier.wait()
        try:
            ShardStore.open(folder, {"version": version}, 1)
        except ValueError:
            return None
        return version

    with ThreadPoolExecutor(4) as pool:
        for attempt in range(10):
            folder, barrier = tmp_path / str(attempt), threading.Barrier(4)
            winners = set(pool.map(lambda version, f=folder, b=barrier: start(f, version, b), range(4))) - {None}
            assert len(winners) == 1
            assert json.loads((folder / "sweep.json").read_text())["version"] in winners
