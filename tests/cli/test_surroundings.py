"""Commands do not depend on what surrounds them: backends, style files, devices; and say what is given twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = ["simulate", "--curriculum.total-time", "0.2", "--curriculum.block-duration", "0.1", "--seeds", "1"]


def ntadyn(*arguments, cwd, **environment):
    command = [sys.executable, "-m", "ntadyn", *map(str, arguments)]
    env = os.environ | {"JAX_PLATFORMS": "cpu"} | environment
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_pictures_are_drawn_whatever_matplotlib_is_told(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: nothing-known\nlines.linewidth: broken\n")
    backend = "module://matplotlib_inline.backend_inline"
    code, _, errors = ntadyn(*SMALL, "--out", "here", cwd=tmp_path, MPLBACKEND=backend)
    assert code == 0, errors
    assert Path(tmp_path, "here", "simulation.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["phase-diagram", "--device", "cuda", "--preset", "small"], {}, ["cuda", "--device"]),
        (SMALL, {"JAX_PLATFORMS": "cuda"}, ["cuda", "JAX_PLATFORMS"]),
        (["simulate", "--preset", "figure-2-flexible", "--preset", "figure-2-forgetful"], {}, ["--preset", "2 times"]),
        (["simulate", "--preset=figure-2-flexible", "--preset", "figure-2-forgetful"], {}, ["--preset", "2 times"]),
        (["simulate", "--curriculum.block-duration", "1e-9"], {}, ["block_duration", "1,000,000"]),
        (["phase-diagram", "--size", "20000", "20000"], {}, ["--size"]),
        (["simulate", "--seeds", "100000000"], {}, ["num_seeds"]),
        (["simulate", "--time-constants.gates", "1e-12"], {}, ["time_constants.gates 1e-12", "200,000,000"]),
        (["simulate", "--teachers.mixing", "nan"], {}, ["mixing"]),
        (["bench", "--size", "1000000"], {}, ["size"]),
    ],
)
def test_refused_in_one_sentence(arguments, environment, words, tmp_path):
    out = [] if arguments[0] == "bench" else ["--out", tmp_path / "out"]
    code, printed, errors = ntadyn(*arguments, *out, cwd=tmp_path, **environment)
    assert code == 2, errors
    assert printed == ""
    # Whether there is a device only JAX can tell, and importing it takes longer than a command may be silent.
    told = errors if not environment and "--device" not in arguments else errors.splitlines(keepends=True)[-1]
    assert told.startswith("ntadyn: ")
    assert told.count("\n") == 1
    assert all(word in errors for word in words), errors
