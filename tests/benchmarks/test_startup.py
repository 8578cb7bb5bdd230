"""How long the user waits for small things. Skipped by default: run with `--benchmark-only`, on an idle machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ntadyn

SMALL = ("phase-diagram", "--preset", "small")


def command(cache, *arguments):
    """Run a command as from the prompt, with compiled programs in a folder of its own."""
    ours = ("JAX_COMPILATION", "JAX_PERSISTENT", "JAX_ENABLE_COMPILATION", "XLA_FLAGS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1]), "XDG_CACHE_HOME": str(cache)}
    subprocess.run([sys.executable, "-m", "ntadyn", *arguments], capture_output=True, env=environment, check=True)


@pytest.mark.parametrize("name", ["", "simulate", "phase-diagram", "verify", "show", "bench"])
def test_help(benchmark, name, tmp_path):
    benchmark.pedantic(lambda: command(tmp_path, *name.split(), "--help"), rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.min < 0.3


def test_a_small_phase_diagram_for_the_first_time(benchmark, tmp_path):
    caches = (tmp_path / str(number) for number in range(3))

    def draw():
        cache = next(caches)
        command(cache, *SMALL, "--out", str(cache / "out"))

    benchmark.pedantic(draw, rounds=2)
    assert benchmark.stats.stats.min < 8.0


@pytest.mark.parametrize(
    ("arguments", "seconds"), [(SMALL, 3.0), (("simulate",), 4.0)], ids=["phase-diagram", "simulate"]
)
def test_again(benchmark, arguments, seconds, tmp_path):
    outs = (str(tmp_path / str(number)) for number in range(9))

    def draw():
        command(tmp_path, *arguments, "--out", next(outs))

    benchmark.pedantic(draw, rounds=3, warmup_rounds=1)
    assert benchmark.stats.stats.min < seconds
