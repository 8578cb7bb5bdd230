import dataclasses
import json
import subprocess
import sys
import types
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import xarray as xr

import experiments
from experiments.__main__ import main
from experiments.acceptance import near, single
from experiments.runner import Request, run_figures

ROOT = Path(experiments.__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class Parameters:
    value: float = 1.0
    seed: int = 3
    reference: Path | None = None


@pytest.fixture
def figure(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A figure that needs no simulation: it expects 1."""
    module = types.ModuleType("experiments.figure_x")
    module.PARAMETERS, module.FAST = Parameters(), Parameters(value=2.0)
    module.run = lambda parameters: {"numbers": xr.Dataset({"x": parameters.value})}
    module.plot = lambda data: plt.figure()
    module.accept = lambda data: [near("x", 1.0, 0.5, single(data["numbers"].x))]
    monkeypatch.setitem(sys.modules, "experiments.figure_x", module)
    monkeypatch.setitem(experiments.FIGURES, "figure_x", "a test")
    return module


def test_writes_pictures_data_and_acceptance_numbers(figure, tmp_path, capsys):
    assert run_figures(["figure_x"], Request(tmp_path))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"figure_x.png", "figure_x.pdf", "figure_x_acceptance.json", "figure_x_numbers.nc"}
    document = json.loads((tmp_path / "figure_x_acceptance.json").read_text())
    assert document["verdict"] == "PASSED"
    assert document["parameters"] == {"value": 1.0, "seed": 3, "reference": None}
    assert document["provenance"]["dtype"] == "float64"
    (row,) = document["acceptance"]
    assert {"name", "expected", "measured", "tolerance", "verdict"} <= set(row)
    assert "passed" in capsys.readouterr().out


def test_a_number_outside_its_tolerance_is_exit_code_1(figure, tmp_path):
    with pytest.raises(SystemExit) as leaving:
        main(["run", "figure_x", "--fast", "--out", str(tmp_path)])
    assert leaving.value.code == 1
    assert json.loads((tmp_path / "figure_x_acceptance.json").read_text())["verdict"] == "OUTSIDE"


def test_online_runs_under_a_name_of_its_own(figure, tmp_path):
    figure.online = lambda parameters: dataclasses.replace(parameters, value=1.2)
    assert run_figures(["figure_x"], Request(tmp_path, online=True))
    assert (tmp_path / "figure_x_online.png").is_file()


def test_reference_folder_from_the_environment(figure, tmp_path, monkeypatch):
    figure.with_reference = lambda parameters, folder: dataclasses.replace(parameters, reference=folder)
    monkeypatch.setenv("NTADYN_REFERENCE", "somewhere")
    with pytest.raises(SystemExit):
        main(["run", "figure_x", "--out", str(tmp_path)])
    document = json.loads((tmp_path / "figure_x_acceptance.json").read_text())
    assert document["parameters"]["reference"] == "somewhere"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "no figure was named"),
        (["run", "figure_0"], "there is no figure 'figure_0'; choose from"),
        (["run", "figure_x", "--online"], "figure_x has no version on finite batches"),
        (["run", "figure_2", "--reference", "nowhere"], "lacks ['fig2_flexible.npz'"),
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


def test_list_names_every_figure_and_every_figure_has_a_module(capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["list"])
    assert leaving.value.code == 0
    printed = capsys.readouterr().out
    for name in experiments.FIGURES:
        assert name in printed
        assert (ROOT / "experiments" / f"{name}.py").is_file()
