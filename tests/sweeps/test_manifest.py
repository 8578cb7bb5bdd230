import json
import threading
from concurrent.futures import ThreadPoolExecutor

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
    assert "Choose another folder to keep both (the commands take it as --out), or delete this one" in lines[-1]
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
    with pytest.raises(ValueError, match=r"holds 'thesis.tex' and 0 other files, but no sweep.json.*or empty folder"):
        ShardStore.open(tmp_path, IDENTITY, 4)
    assert names(tmp_path) == [".hidden", "thesis.tex"]
    (tmp_path / "thesis.tex").unlink()
    assert ShardStore.open(tmp_path, IDENTITY, 4).missing() == [0, 1, 2, 3]


@pytest.mark.parametrize("content", [b"{", b"\xff", b""])
def test_an_unreadable_manifest_is_refused(tmp_path, content):
    (tmp_path / "sweep.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read .*sweep.json.*Choose another folder, or delete this one"):
        ShardStore.open(tmp_path, IDENTITY, 4)


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
