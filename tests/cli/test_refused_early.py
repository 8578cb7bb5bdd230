"""What cannot be right is refused before JAX is imported, let alone compiles."""

import json
import subprocess
import sys

import pytest

from tests.cli.test_commands import BAD

OTHERS = [
    ("verify", "--ratio", "0"),
    ("verify", "--ratio", "0.1", "nan"),
    ("verify", "--ratio", "1e9"),
    ("verify", "--ratio", *["0.5"] * 13),
    ("verify", "--out", "{file}"),
    ("bench", "--size", "0"),
    ("bench", "--workers", "0"),
    ("phase-diagram", "--refine", "3"),
    ("phase-diagram", "--cluster", "nowhere"),
    ("phase-diagram", "--check", "2"),
    ("phase-diagram", "--preset", "huge"),
    ("simulate", "--curriculum.tasks", "0", "5"),
    ("simulate", "--curriculum.tasks", "0", "-1"),
    ("simulate", "--curriculum.num-blocks", "0"),
    ("simulate", "--teachers.kind", "svd", "--teachers.num-tasks", "30"),
    ("simulate", "--teachers.kind", "overlapping"),
    ("simulate", "--teachers.num-tasks", "1"),
    ("simulate", "--randomness.data-seed", "-3"),
    ("simulate", "--coefficients.unit-l1", "-3"),
    ("simulate", "--time-constants.gates", "-1"),
]
SCRIPT = """
import contextlib, io, json, sys, time
from ntadyn.cli import main
told = []
for arguments in json.loads(sys.argv[1]):
    began, code = time.perf_counter(), None
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
    told.append([arguments, code, "jax" in sys.modules, time.perf_counter() - began])
    if "jax" in sys.modules:
        break  # all that follows would look the same
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refused")
    (folder / "file").write_text("kept")
    cases = [[command, *arguments] for command, arguments, _ in BAD] + [list(case) for case in OTHERS]
    cases = [[word.format(file=folder / "file") for word in case] for case in cases]
    command = [sys.executable, "-c", SCRIPT, json.dumps(cases)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
    assert sorted(path.name for path in folder.iterdir()) == ["file"]
    found = json.loads(done.stdout)
    assert len(found) == len(cases), f"{found[-1]} imported JAX"
    return found


def test_refusals_do_not_import_jax(told):
    assert [case for case in told if case[2]] == []


def test_refusals_have_exit_code_2(told):
    assert [case for case in told if case[1] != 2] == []


def test_refusals_take_less_than_a_second(told):
    # One may have to load what looks after folders; the rest take some hundredths.
    times = sorted(case[3] for case in told)
    assert times[len(times) // 2] < 1
