"""Experiments that are run, kept, and run again; what fails and what is told about it."""

import dataclasses
import json

import pytest
import xarray as xr

import experiments
from experiments import sandbrink_2024 as package
from experiments.harness.acceptance import near, single
from experiments.harness.results import RUNS
from experiments.harness.runner import Request, run_experiments
from experiments.harness.runs import Run
from experiments.harness.sources import OURS
from experiments.harness.verdicts import Text
from tests.experiments.harness.made_figures import Parameters, document_of


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
