"""How long the user waits for help. Skipped by default: run with `--benchmark-only`, on an idle machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ntadyn


@pytest.mark.parametrize("command", ["", "simulate", "phase-diagram", "verify", "show", "bench"])
def test_help_comes_in_under_half_a_second(benchmark, command):
    environment = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}
    arguments = [sys.executable, "-m", "ntadyn", *command.split(), "--help"]

    def ask():
        subprocess.run(arguments, capture_output=True, env=environment, check=True)

    benchmark.pedantic(ask, rounds=3, warmup_rounds=1)
    assert benchmark.stats.stats.min < 0.5
