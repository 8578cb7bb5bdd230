"""A run of several experiments whose processes are killed goes on where it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import experiments
from tests.processes import is_running, until

ROOT = Path(experiments.__file__).parents[1]

MODULE = """
import dataclasses, os, pathlib, time
import matplotlib.pyplot as plt
import xarray as xr
from experiments.harness.acceptance import near, single
from experiments.harness.runs import Run

@dataclasses.dataclass(frozen=True)
class Parameters:
    value: float = 1.0

PARAMETERS = FAST = Parameters()

def simulate(parameters):
    {before}
    return xr.Dataset({{"x": parameters.value}})

def runs(parameters):
    return [Run({name!r}, simulate, {{"parameters": parameters}}, "numbers")]

def plot(data):
    return plt.figure(figsize=(0.5, 0.5))

def accept(data):
    return [near("x", 1.0, 0.5, single(data["numbers"].x), "a bound")]
"""

# Processes that are started afresh import the script that was run, and so find the same figures.
DRIVER = """
import experiments
from experiments import sandbrink_2024 as package
package.__path__.append({folder!r})
experiments.PACKAGES = ("sandbrink_2024",)
package.EXPERIMENTS.clear()
package.EXPERIMENTS.update({{"figure_1": "a", "figure_2_own": "b", "figure_3_own": "c"}})
from experiments.__main__ import main
if __name__ == "__main__":
    main(["run", "all", "--out", {out!r}])
"""


@pytest.fixture
def project(tmp_path):
    """A script that runs three figures in two processes: one is well, one kills its process, one waits."""
    folder = tmp_path / "modules"
    folder.mkdir()
    wait = f"pathlib.Path({str(tmp_path / 'process')!r}).write_text(str(os.getpid())); time.sleep(600)"
    for name, before in (("figure_1", "pass"), ("figure_2_own", "os.kill(os.getpid(), 9)"), ("figure_3_own", wait)):
        (folder / f"{name}.py").write_text(MODULE.format(name=name, before=before))
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER.format(folder=str(folder), out=str(tmp_path / "out")))
    return driver


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(project, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    out, waiting = tmp_path / "out", tmp_path / "process"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, project], env=environment, stdout=log, stderr=log)
        until(lambda: waiting.is_file() and waiting.read_text() and (out / "figure_1_acceptance.json").is_file())
        process.kill()
        process.wait()
    until(lambda: not is_running(int(waiting.read_text())))
    assert {path.name for path in out.glob("*.json")} == {"figure_1_acceptance.json"}

    module = project.parent / "modules" / "figure_3_own.py"
    module.write_text(MODULE.format(name="figure_3_own", before="pass"))
    done = subprocess.run([sys.executable, project], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    lines = [line.split() for line in done.stdout.splitlines()]
    table = {line[0]: line[1:] for line in lines[-6:-3]}
    assert table["figure_1"][5:7] == ["kept,", "of"]
    assert table["figure_2_own"][:5] == ["FAILED", "killed", "by", "signal", "9;"]
    assert table["figure_3_own"][:2] == ["reproduced", "1"]
