"""A real sweep that is killed, damaged, and run by two processes: always the same bits in the end."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ntadyn
from ntadyn.results.storage import read_dataset

SCRIPT = Path(__file__).with_name("real_sweep.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}
NUM_TILES, NUM_THERE = 40, 8


def run_script(folder, kills):
    command = [sys.executable, SCRIPT, str(folder), str(kills), "0"]
    result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("sweeps")


@pytest.fixture(scope="module")
def script(place):
    return run_script(place, kills=4)


def shards(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same_result(folder, name):
    assert shards(folder / name) == shards(folder / "whole")  # names hold checksums
    one, other = (read_dataset(folder / f"{sweep}-result.nc") for sweep in ("whole", name))
    assert one.sizes == {"block_duration": NUM_TILES, "gate_time_constant": 2, "seed": 2, "path": 2}
    assert set(one.variables) == set(other.variables)
    assert np.isfinite(one.alignment).all()
    for variable in one.variables:
        assert one[variable].values.tobytes() == other[variable].values.tobytes()


def computed(output, name):
    """(process, tile) of every shard that was written."""
    lines = (line.split() for line in output.splitlines())
    return [(line[1], int(line[2])) for line in lines if line[0] == name]


@pytest.mark.representatives(1)
@pytest.mark.slow
def test_killed_and_resumed(place, script):
    assert "4 of 4 kills hit" in script.stdout
    assert_same_result(place, "killed")


@pytest.mark.slow
def test_two_processes_complete_a_damaged_sweep(place, script):
    assert_same_result(place, "shared")
    found = computed(script.stdout, "shared")
    cut_short_altered_or_missing = [0, 1, *range(2 + NUM_THERE, NUM_TILES)]
    assert sorted(tile for _, tile in found) == cut_short_altered_or_missing  # none of them twice
    assert len({process for process, _ in found}) == 2
    for tile in (0, 1):
        assert f"tile {tile} counts as missing" in script.stderr
