import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import experiments
from experiments.harness import runs as module
from experiments.harness.runs import RECORD, Run, computed, is_kept, last_seconds, obtained
from tests.processes import until

ROOT = Path(experiments.__file__).parents[1]
COUNTS: list[float] = []


def squares(count: int, scale: float = 1.0) -> xr.Dataset:
    """Values of every kind that experiments keep."""
    COUNTS.append(scale)
    return xr.Dataset(
        {
            "x": ("record", scale * np.arange(count) ** 2.0),
            "shut": ("record", np.arange(count) % 2 == 0),
            "single": ("record", np.arange(count, dtype=np.float32) / 3),
        },
        {"regime": ("record", [f"r{index}" for index in range(count)]), "limit": np.inf},
        {"edges": np.arange(3.0), "names": ["A", "B"]},
    )


def both(count: int) -> dict[str, xr.Dataset]:
    return {"one": squares(count), "two": squares(count, 2.0)}


RUN = Run("squares", squares, {"count": 4}, "numbers")


@pytest.fixture(autouse=True)
def _counted():
    COUNTS.clear()


def test_a_run_is_computed_once_and_what_is_read_is_what_was_computed(tmp_path):
    told: list[str] = []
    first = obtained([RUN], tmp_path, tell=told.append)
    again = obtained([Run("squares", squares, {"count": 4}, "numbers")], tmp_path, tell=told.append)
    assert COUNTS == [1.0]
    assert [line.partition(" in ")[0] for line in told] == ["squares computed"]
    xr.testing.assert_identical(first["numbers"], again["numbers"])
    fresh = computed([RUN])["numbers"]
    for name in fresh.variables:
        np.testing.assert_array_equal(first["numbers"][name].values, fresh[name].values, strict=name != "regime")
    np.testing.assert_array_equal(first["numbers"].attrs["edges"], fresh.attrs["edges"])


@pytest.mark.parametrize(
    "other",
    [
        Run("squares", squares, {"count": 5}, "numbers"),
        Run("squares", squares, {"count": 4, "scale": 1.0}, "numbers"),
        Run("cubes", squares, {"count": 4}, "numbers"),
        Run("squares", both, {"count": 4}),
    ],
)
def test_other_arguments_names_and_functions_are_other_runs(other):
    assert other.place != RUN.place
    assert Run("squares", squares, {"count": 4}, "numbers").place == RUN.place


def test_what_a_run_reads_belongs_to_it(tmp_path):
    file = tmp_path / "trials.csv"
    file.write_text("1")
    run = Run("squares", squares, {"count": 4}, "numbers", (file,))
    before = run.place
    file.write_text("2")
    assert run.place != before


def test_two_runs_may_not_return_the_same_name():
    with pytest.raises(ValueError, match=r"'squares' returns \['one'\], and so does a run before it"):
        computed([Run("both", both, {"count": 2}), Run("squares", squares, {"count": 2}, "one")])


def change_the_code(place, monkeypatch):
    monkeypatch.setattr(module, "code_version", lambda name: "another")


def cut_the_record(place, monkeypatch):
    path = place / RECORD
    path.write_text(path.read_text()[:-9])


def remove_the_record(place, monkeypatch):
    (place / RECORD).unlink()


def remove_the_data(place, monkeypatch):
    (place / "numbers.nc").unlink()


def flip_a_bit(place, monkeypatch):
    content = bytearray((place / "numbers.nc").read_bytes())
    content[len(content) // 2] ^= 1
    (place / "numbers.nc").write_bytes(content)


def drop_the_checksum(place, monkeypatch):
    xr.Dataset({"x": ("record", np.zeros(4))}).to_netcdf(place / "numbers.nc", engine="h5netcdf")


@pytest.mark.parametrize("damage", [change_the_code, cut_the_record, remove_the_record])
def test_without_its_record_or_with_that_of_other_code_it_is_no_run(damage, tmp_path, monkeypatch):
    obtained([RUN], tmp_path)
    assert is_kept(RUN, tmp_path)
    damage(tmp_path / RUN.place, monkeypatch)
    assert not is_kept(RUN, tmp_path)


@pytest.mark.parametrize("damage", [remove_the_data, flip_a_bit, drop_the_checksum, change_the_code])
def test_what_is_damaged_or_of_other_code_is_computed_again(damage, tmp_path, monkeypatch):
    obtained([RUN], tmp_path)
    damage(tmp_path / RUN.place, monkeypatch)
    data = obtained([RUN], tmp_path)
    assert len(COUNTS) == 2
    np.testing.assert_array_equal(data["numbers"].x.values, [0, 1, 4, 9])
    assert is_kept(RUN, tmp_path)


def test_what_is_older_than_asked_for_is_computed_again_once(tmp_path):
    obtained([RUN], tmp_path)
    since = time.time()
    obtained([RUN], tmp_path, since)
    obtained([RUN], tmp_path, since)
    assert len(COUNTS) == 2


def test_a_run_that_fails_leaves_nothing_that_is_taken_for_one(tmp_path, monkeypatch):
    obtained([RUN], tmp_path)
    monkeypatch.setattr(module, "code_version", lambda name: "another")
    monkeypatch.setattr(module.storage, "write_dataset", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        obtained([RUN], tmp_path)
    assert not is_kept(RUN, tmp_path)
    assert last_seconds(RUN, tmp_path) is None


def test_its_record_says_what_made_it(tmp_path):
    obtained([RUN], tmp_path)
    record = json.loads((tmp_path / RUN.place / RECORD).read_text())
    assert record["run"] == "squares"
    assert record["function"].endswith("test_runs.squares")
    assert record["arguments"] == {"count": 4}
    assert record["code"] == RUN.code
    assert record["provenance"]["dtype"] == "float64"
    assert last_seconds(RUN, tmp_path) == record["seconds"] >= 0


# Two processes ask for the same slow run.
SCRIPT = """
import os, sys, time
from pathlib import Path
import numpy as np
import xarray as xr
from experiments.harness.runs import Run, obtained

def slow(marks):
    Path(marks, f"began-{os.getpid()}").touch()
    while not Path(marks, "go on").exists():
        time.sleep(0.02)
    return xr.Dataset({"x": ("record", np.arange(3.0))})

if __name__ == "__main__":
    marks, out = sys.argv[1:]
    Path(marks, f"here-{os.getpid()}").touch()
    data = obtained([Run("slow", slow, {"marks": marks}, "numbers")], Path(out))
    print(float(data["numbers"].x.sum()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_a_second_process_waits_for_the_first_or_takes_over_if_that_dies(killed, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, script, str(tmp_path), str(tmp_path / "runs")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def start() -> subprocess.Popen:
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    first = start()
    until(lambda: list(tmp_path.glob("began-*")))
    second = start()
    until(lambda: len(list(tmp_path.glob("here-*"))) == 2)
    time.sleep(0.5)
    assert len(list(tmp_path.glob("began-*"))) == 1
    if killed:
        first.kill()
        first.wait()
        until(lambda: len(list(tmp_path.glob("began-*"))) == 2)
    (tmp_path / "go on").touch()
    assert second.communicate()[0].splitlines()[-1] == "3.0"
    first.communicate()
    assert len(list(tmp_path.glob("began-*"))) == 1 + killed
    assert len(list((tmp_path / "runs").glob("slow-*/run.json"))) == 1
