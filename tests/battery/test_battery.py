"""A thirtieth of the battery, with fixed seeds; `python -m tests.battery` runs all of it, with any seed."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.battery import __main__ as battery, configurations, disks, files, inputs, kills, solutions
from tests.battery.coverage import Outcome
from tests.battery.findings import Findings
from tests.hostile_files import KINDS

ROOT = Path(__file__).parents[2]
SHARE = 1 / 30


def run(*arguments):
    """As people run it: nothing checks the types of arguments there."""
    command = [sys.executable, "-m", "tests.battery", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("part", battery.PARTS)
def test_a_share_finds_nothing_wrong(part):
    run(part, "--share", SHARE)


def test_the_full_size_is_what_it_says():
    assert configurations.FULL >= 10_000
    assert kills.FULL >= 20
    assert len(KINDS) >= 40
    assert files.FULL_DAMAGES >= 1000
    assert disks.FULL >= 10
    assert len(inputs.KINDS) >= 40


@pytest.mark.slow
def test_a_part_that_finds_something_fails(monkeypatch, capsys):
    class Part:
        def run(self, seed, share, write):
            found = Findings(tried=3, facts=["a figure"])
            found.fault("three\nwere lost")
            return found

    monkeypatch.setattr(importlib, "import_module", lambda name: Part())
    assert battery.main(["kills"]) == 1
    out = capsys.readouterr().out
    assert "kills: 3 tried; a figure; 1 faults" in out
    assert "FAULT three were lost" in out
    with pytest.raises(SystemExit):
        battery.main(["thoughts"])


@pytest.mark.parametrize(
    ("estimate", "error", "code", "wrong"),
    [
        (1e-4, 2e-4, 0, False),  # not covered, and counted there
        (1e-4, 2e-3, 0, True),  # beyond the promise of the default step
        (1e-6, 2e-5, 0, True),  # the estimate misleads
        (1e-12, 1e-10, 0, False),  # nothing that the reference knows
        (np.inf, 1.0, 0, False),  # told
        (1e-9, 1.0, 4, False),  # told
    ],
)
def test_what_counts_as_wrong(estimate, error, code, wrong):
    assert solutions.is_wrong(Outcome(0, estimate, error, code)) is wrong


def test_a_configuration_that_ends_badly_is_found(monkeypatch):
    def worse(configuration):
        raise TypeError("what is this?")

    monkeypatch.setattr("ntadyn.specs.checks.check_configuration", worse)
    found = configurations.run(0, 3 / configurations.FULL, print)
    assert (found.tried, len(found.faults)) == (3, 3)
    assert "TypeError: what is this?" in found.faults[0]


def test_wrong_input_that_is_taken_is_found(monkeypatch):
    monkeypatch.setattr(inputs, "KINDS", {"help": lambda rng: ["--help"]})
    found = inputs.run(0, 1 / inputs.FULL_PER_KIND, print)
    assert found.tried == 1
    assert "exit code 0" in found.faults[0]


def test_damage_is_found(tmp_path, monkeypatch):
    """If the checksum were not compared, flipped bits of numbers would come through."""
    from ntadyn.results import checksum
    from ntadyn.results.storage import write_dataset
    from tests.hostile_files.good import good_sweep

    content = write_dataset(good_sweep(), tmp_path / "good.nc").read_bytes()
    draws = [np.random.default_rng([9, k]) for k in range(30)]
    assert not any(files._damage(rng, content, tmp_path) for rng in draws)
    monkeypatch.setattr(checksum, "compared", lambda content: True)
    draws = [np.random.default_rng([9, k]) for k in range(30)]
    assert any("not noticed" in files._damage(rng, content, tmp_path) for rng in draws)
