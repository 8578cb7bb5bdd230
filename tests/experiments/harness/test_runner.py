import dataclasses
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import xarray as xr

import experiments
from experiments import sandbrink_2024 as package
from experiments.__main__ import main
from experiments.harness.acceptance import near, single
from experiments.harness.results import RUNS
from experiments.harness.runner import Request, run_experiments
from experiments.harness.runs import Run
from experiments.harness.sources import OURS
from experiments.harness.verdicts import Text
from tests.processes import is_running, until

ROOT = Path(experiments.__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class Parameters:
    value: float = 1.0
    seed: int = 3
    limit: float = float("inf")
    reference: Path | None = None


def figure_module(name: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A figure that needs no simulation: it expects 1, and counts how often it is run."""
    module = types.ModuleType(f"experiments.sandbrink_2024.{name}")
    module.PARAMETERS, module.FAST = Parameters(), Parameters(value=2.0)
    module.count = 0

    def run(parameters):
        module.count += 1
        return {"numbers": xr.Dataset({"x": parameters.value})}

    module.run = run
    module.runs = lambda parameters: [Run(name, lambda parameters: module.run(parameters), {"parameters": parameters})]
    module.plot = lambda data: plt.figure(figsize=(0.5, 0.5))
    module.accept = lambda data: [near("x", 1.0, 0.5, single(data["numbers"].x), OURS)]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(package.EXPERIMENTS, name, "a test")
    return module


@pytest.fixture
def figure(monkeypatch):
    return figure_module("figure_x", monkeypatch)


@pytest.fixture
def other(monkeypatch):
    return figure_module("figure_y", monkeypatch)


def document_of(folder: Path, stem: str = "figure_x") -> dict:
    return json.loads((folder / f"{stem}_acceptance.json").read_text())


@pytest.mark.slow
def test_writes_pictures_data_and_acceptance_numbers(figure, tmp_path, capsys):
    assert run_experiments(["figure_x"], Request(tmp_path))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"figure_x.png", "figure_x.pdf", "figure_x_acceptance.json", RUNS}
    document = document_of(tmp_path)
    assert document["verdict"] == "PASSED"
    assert document["parameters"] == {"value": 1.0, "seed": 3, "limit": "inf", "reference": None}
    assert document["provenance"]["dtype"] == "float64"
    assert set(document["files"]) == {"figure_x.png", "figure_x.pdf"}
    (place,) = document["runs"]
    assert {path.name for path in (tmp_path / place).iterdir()} == {"numbers.nc", "run.json"}
    assert document["seconds"]["total"] >= document["seconds"]["plot"] > 0
    (row,) = document["acceptance"]
    assert {"name", "expected", "measured", "tolerance", "verdict"} <= set(row)
    printed = capsys.readouterr().out
    assert "figure_x began" in printed
    assert printed.splitlines()[-4].split()[:5] == ["figure_x", "reproduced", "1", "0", "0"]
    assert "1 of 1 experiment reproduced" in printed


def test_a_complete_result_is_kept_until_parameters_change(figure, tmp_path, capsys):
    run_experiments(["figure_x"], Request(tmp_path))
    assert run_experiments(["figure_x"], Request(tmp_path))
    assert figure.count == 1
    assert "kept, of 20" in capsys.readouterr().out
    figure.PARAMETERS = Parameters(seed=4)
    run_experiments(["figure_x"], Request(tmp_path))
    assert figure.count == 2
    run_experiments(["figure_x"], Request(tmp_path, again=True))
    assert figure.count == 3


@pytest.mark.parametrize("damage", ["missing", "cut", "other code"])
def test_what_is_incomplete_or_of_other_code_is_run_again(figure, damage, tmp_path):
    run_experiments(["figure_x"], Request(tmp_path))
    acceptance = tmp_path / "figure_x_acceptance.json"
    if damage == "missing":
        (tmp_path / "figure_x.png").unlink()
    elif damage == "cut":
        acceptance.write_text(acceptance.read_text()[:-50])
    else:
        acceptance.write_text(json.dumps(document_of(tmp_path) | {"code": "0"}))
    run_experiments(["figure_x"], Request(tmp_path))
    assert document_of(tmp_path)["code"] != "0"
    assert (tmp_path / "figure_x.png").is_file()
    # Its simulation is still there.
    assert figure.count == 1


def test_acceptance_numbers_do_not_outlive_the_files_they_belong_to(figure, tmp_path):
    run_experiments(["figure_x"], Request(tmp_path))
    figure.plot = lambda data: 1 / 0
    assert not run_experiments(["figure_x"], Request(tmp_path, again=True))
    assert not (tmp_path / "figure_x_acceptance.json").exists()


def test_a_figure_that_fails_does_not_stop_the_others(figure, other, tmp_path, capsys):
    def fail(parameters):
        raise RuntimeError("no such teacher")

    working, figure.run = figure.run, fail
    assert not run_experiments(["figure_x", "figure_y"], Request(tmp_path, workers=1))
    printed = capsys.readouterr().out
    assert "FAILED" in printed
    assert "RuntimeError: no such teacher" in printed
    assert "1 failed to run" in printed
    assert "no such teacher" in (tmp_path / "figure_x_failure.txt").read_text()
    assert document_of(tmp_path, "figure_y")["verdict"] == "PASSED"

    figure.run = working
    assert run_experiments(["figure_x", "figure_y"], Request(tmp_path, workers=1))
    assert other.count == 1
    assert not (tmp_path / "figure_x_failure.txt").exists()


def test_a_failure_after_a_good_result_is_not_forgotten(figure, tmp_path, capsys):
    run_experiments(["figure_x"], Request(tmp_path))
    working = figure.run
    figure.run = lambda parameters: 1 / 0
    assert not run_experiments(["figure_x"], Request(tmp_path, again=True))
    assert document_of(tmp_path)["verdict"] == "PASSED"
    figure.run = working
    assert run_experiments(["figure_x"], Request(tmp_path))
    assert figure.count == 2
    assert not (tmp_path / "figure_x_failure.txt").exists()


def test_a_module_that_does_not_load_is_reported(other, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(package.EXPERIMENTS, "figure_0_broken", "has no module")
    assert not run_experiments(["figure_0_broken", "figure_y"], Request(tmp_path))
    assert "does not load: ModuleNotFoundError" in capsys.readouterr().out
    assert other.count == 1


def test_all_runs_every_figure_once(figure, other, tmp_path, monkeypatch):
    two = {name: package.EXPERIMENTS[name] for name in ("figure_x", "figure_y")}
    monkeypatch.setattr(experiments, "PACKAGES", ("sandbrink_2024",))
    monkeypatch.setattr(package, "EXPERIMENTS", two)
    run_experiments(["all", "figure_x"], Request(tmp_path, workers=1))
    assert (figure.count, other.count) == (1, 1)


def test_a_number_outside_its_tolerance_is_exit_code_1(figure, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as leaving:
        main(["run", "figure_x", "--fast"])
    assert leaving.value.code == 1
    document = document_of(tmp_path / "figures" / "fast")
    assert document["verdict"] == "OUTSIDE"
    assert document["fast"]


def test_online_runs_under_a_name_of_its_own(figure, tmp_path):
    figure.online = lambda parameters: dataclasses.replace(parameters, value=1.2)
    assert run_experiments(["figure_x"], Request(tmp_path, online=True))
    assert (tmp_path / "figure_x_online.png").is_file()


def test_all_on_batches_leaves_out_what_is_deterministic(figure, other, tmp_path, monkeypatch, capsys):
    two = {name: package.EXPERIMENTS[name] for name in ("figure_x", "figure_y")}
    monkeypatch.setattr(experiments, "PACKAGES", ("sandbrink_2024",))
    monkeypatch.setattr(package, "EXPERIMENTS", two)
    figure.online = lambda parameters: parameters
    assert run_experiments(["all"], Request(tmp_path, online=True, workers=1))
    assert (figure.count, other.count) == (1, 0)
    printed = capsys.readouterr().out
    assert "deterministic, without a version on batches: figure_y\n" in printed
    assert "1 of 1 experiment reproduced" in printed


def test_reference_folder_from_the_environment(figure, tmp_path, monkeypatch):
    figure.with_reference = lambda parameters, folder: dataclasses.replace(parameters, reference=folder)
    monkeypatch.setenv("NTADYN_REFERENCE", "somewhere")
    with pytest.raises(SystemExit):
        main(["run", "figure_x", "--out", str(tmp_path)])
    assert document_of(tmp_path)["parameters"]["reference"] == "somewhere"


def test_a_file_of_trials_reaches_the_figure_that_can_use_it(figure, tmp_path):
    figure.with_trials = lambda parameters, file: dataclasses.replace(parameters, reference=file)
    with pytest.raises(SystemExit):
        main(["run", "figure_x", "--trials", "people.csv", "--out", str(tmp_path)])
    assert document_of(tmp_path)["parameters"]["reference"] == "people.csv"


def test_a_folder_of_images_reaches_the_figure_that_can_use_it(figure, tmp_path):
    figure.with_images = lambda parameters, folder: dataclasses.replace(parameters, reference=folder)
    with pytest.raises(SystemExit):
        main(["run", "figure_x", "--images", "clothes", "--out", str(tmp_path)])
    assert document_of(tmp_path)["parameters"]["reference"] == "clothes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "nothing to run was named"),
        (["run", "figure_0"], "there is no experiment 'figure_0'; did you mean"),
        (["run", "figure_x", "--online"], "figure_x is deterministic: it has no noise"),
        (["run", "figure_x", "--workers", "0"], "workers must be at least 1, but is 0"),
        (["run", "figure_2", "--reference", "nowhere"], "lacks ['fig2_flexible.npz'"),
        (["run", "figure_8", "--trials", "nowhere.csv"], "nowhere.csv"),
        (["run", "figure_7", "--images", "nowhere"], "nowhere is no folder; give one with t10k-images-idx3-ubyte"),
        (["report"], "there are no results in"),
    ],
)
def test_bad_input_is_exit_code_2_before_any_work(figure, arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        main([*arguments, "--out", str(tmp_path / "out")])
    assert leaving.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["list"]])
def test_help_and_list_do_not_import_jax(arguments):
    command = "import sys, runpy\ntry:\n    runpy.run_module('experiments', run_name='__main__')\n"
    command += "except SystemExit as leaving:\n    assert not leaving.code\n"
    command += "assert not {'jax', 'matplotlib', 'xarray'} & set(sys.modules)\n"
    script = f"import sys; sys.argv[1:] = {arguments!r}\n{command}"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.slow
def test_experiments_start_jax_as_commands_do(tmp_path):
    script = "import experiments.harness.runner\nfrom experiments.harness.experiment import prepare\nprepare()\n"
    script += "import jax\nfrom ntadyn.xla_options import loops_are_whole\n"
    script += "print(loops_are_whole(), jax.config.values['jax_enable_x64'], jax.config.jax_compilation_cache_dir)\n"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XLA_FLAGS", "JAX_COMP"))}
    environment |= {"XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"True True {tmp_path}"), done.stderr


def test_list_names_packages_and_their_experiments(capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["list"])
    assert leaving.value.code == 0
    printed = capsys.readouterr().out
    heading, _, *lines = printed.splitlines()
    assert heading == f"sandbrink_2024: {package.TITLE}"
    assert [line.split(maxsplit=1)[0] for line in lines[: len(package.EXPERIMENTS)]] == list(package.EXPERIMENTS)
    assert max(map(len, lines)) <= 120


def test_what_is_done_is_said_before_anything_is_loaded():
    script = "import sys; sys.argv[1:] = ['run', 'Figure-A8', '--fast', '--out', 'nowhere']\n"
    script += "sys.modules['experiments.harness.runner'] = None\n"
    script += "import runpy; runpy.run_module('experiments', run_name='__main__')\n"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == "running figure_a8 quickly into 'nowhere'; loading it first\n"


def share_a_run(*modules):
    """Let experiments read the same run, and count how often it is computed."""
    computed = []

    def shared():
        computed.append(1)
        return {"numbers": xr.Dataset({"x": 1.0})}

    for module in modules:
        module.runs = lambda parameters: [Run("shared", shared)]
    return computed


def test_a_run_that_several_experiments_read_is_computed_once(figure, other, tmp_path):
    computed = share_a_run(figure, other)
    assert run_experiments(["figure_x", "figure_y"], Request(tmp_path, workers=1))
    assert len(computed) == 1
    assert document_of(tmp_path)["runs"] == document_of(tmp_path, "figure_y")["runs"]
    # Once more for both together, where everything is run again.
    assert run_experiments(["figure_x", "figure_y"], Request(tmp_path, workers=1, again=True))
    assert len(computed) == 2


def test_a_new_expectation_needs_no_new_simulation(figure, tmp_path):
    run_experiments(["figure_x"], Request(tmp_path))
    figure.accept = lambda data: [near("x", 2.0, 0.5, single(data["numbers"].x), OURS)]
    acceptance = tmp_path / "figure_x_acceptance.json"
    acceptance.write_text(json.dumps(document_of(tmp_path) | {"code": "that of the old expectation"}))
    assert not run_experiments(["figure_x"], Request(tmp_path))
    assert figure.count == 1
    assert document_of(tmp_path)["acceptance"][0]["expected"] == 2.0


def test_a_stated_miss_is_no_failure(figure, tmp_path, monkeypatch, capsys):
    figure.PARAMETERS = Parameters(value=2.0)
    text = Text("Reproduced, but for x.", {(False, False): {"x": "it is twice as large."}})
    for module in ("experiment", "runner"):
        monkeypatch.setattr(f"experiments.harness.{module}.text_of", lambda name: text)
    assert run_experiments(["figure_x"], Request(tmp_path))
    printed = capsys.readouterr().out
    assert "outside, stated" in printed
    assert "1 of 1 experiment reproduced, 1 of them but for stated numbers" in printed
    assert document_of(tmp_path)["acceptance"][0]["verdict"] == "OUTSIDE"
    monkeypatch.setattr("experiments.harness.runner.text_of", lambda name: None)
    assert not run_experiments(["figure_x"], Request(tmp_path))
    assert "0 of 1 experiment reproduced, 1 not" in capsys.readouterr().out


def test_time_left_is_told_from_the_last_time(figure, other, tmp_path, capsys):
    for stem, seconds in (("figure_x", 300.0), ("figure_y", 600.0)):
        run_experiments([stem], Request(tmp_path, workers=1))
        path = tmp_path / f"{stem}_acceptance.json"
        document = document_of(tmp_path, stem)
        path.write_text(json.dumps(document | {"code": "0", "seconds": {"run": 0.0, "total": seconds}}))
    capsys.readouterr()
    run_experiments(["figure_x", "figure_y"], Request(tmp_path, workers=1))
    printed = capsys.readouterr().out
    assert "about 15 min, by how long they took before" in printed
    # The longer one first.
    assert printed.index("figure_y began") < printed.index("figure_x began")


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
