import importlib
import os
from pathlib import Path

import pytest

import experiments
from experiments import sandbrink_2024 as package
from experiments.harness import code_version as module
from experiments.harness.code_version import code_version, description

MODULE = "experiments.sandbrink_2024.figure_x"
FIGURE = '''"""A figure."""
from experiments.sandbrink_2024 import figure_x_numbers as numbers
from ntadyn.metrics import total_alignment

def run(parameters):
    """Twice."""
    return 2 * parameters
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A place in which modules of `experiments` are found."""
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    place = tmp_path / "sandbrink_2024"
    place.mkdir()
    write(place / "figure_x.py", FIGURE)
    write(place / "figure_x_numbers.py", "EXPECTED = 1\n")
    return place


def write(path: Path, text: str) -> None:
    path.write_text(text)
    # Two writes within one tick of the clock are told apart.
    write.tick = getattr(write, "tick", 0) + 1
    os.utime(path, ns=(write.tick, write.tick))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Twice."""', '"""Two times.\n\n    No more."""'),
        ("def run", "# A remark.\n\ndef run"),
        ("2 * parameters", "(2\n        * parameters)  # twice"),
    ],
)
def test_what_changes_no_number_keeps_the_version(folder, old, new):
    before = code_version(MODULE)
    assert old in FIGURE
    write(folder / "figure_x.py", FIGURE.replace(old, new))
    assert code_version(MODULE) == before


def test_a_change_in_the_module_or_in_what_it_imports_is_a_new_version(folder):
    versions = {code_version(MODULE)}
    write(folder / "figure_x_numbers.py", "EXPECTED = 2\n")
    versions.add(code_version(MODULE))
    write(folder / "figure_x.py", FIGURE.replace("2 *", "3 *"))
    versions.add(code_version(MODULE))
    write(folder / "figure_y.py", "EXPECTED = 2\n")
    versions.add(code_version(MODULE))
    assert len(versions) == 3


def test_a_new_version_of_a_library_is_a_new_version(folder, monkeypatch):
    before = code_version(MODULE)
    monkeypatch.setattr(module.metadata, "version", lambda name: "0.0")
    assert code_version(MODULE) != before


def test_imports_are_followed_through_packages_and_lazy_names(folder):
    found = module.PROJECT.imported("experiments.sandbrink_2024.figure_x")
    assert {"experiments.sandbrink_2024.figure_x_numbers", "ntadyn.metrics", "ntadyn.metrics.assignment"} <= set(found)
    assert not any(name.startswith(("ntadyn.cli", "ntadyn.dynamics")) for name in found)
    write(folder / "figure_x.py", "import ntadyn\n")
    assert {"ntadyn", "ntadyn.simulation.trajectory", "ntadyn.solvers.splitting"} <= set(
        module.PROJECT.imported("experiments.sandbrink_2024.figure_x")
    )


def test_experiments_do_not_depend_on_the_machinery_that_runs_them():
    for name in package.EXPERIMENTS:
        found = module.PROJECT.imported(f"experiments.sandbrink_2024.{name}")
        assert "experiments.harness.acceptance" in found
        assert not {"experiments.harness.runner", "experiments.harness.report", "experiments"} & set(found)


def test_simulations_do_not_depend_on_pictures_and_expectations():
    for name in package.EXPERIMENTS:
        for run in importlib.import_module(f"experiments.sandbrink_2024.{name}").runs(parameters_of(name)):
            found = module.PROJECT.imported(run.compute.__module__)
            assert run.compute.__module__ in found
            assert "experiments.harness.acceptance" not in found
            assert not any("picture" in other or "panels" in other or "numbers" in other for other in found)


def parameters_of(name):
    return importlib.import_module(f"experiments.sandbrink_2024.{name}").PARAMETERS


def test_the_text_about_an_experiment_is_no_code(folder):
    before = code_version(MODULE)
    write(folder / "figure_x.md", "Reproduced.")
    assert code_version(MODULE) == before


def test_a_description_is_read_without_an_import(folder, monkeypatch):
    monkeypatch.setitem(package.EXPERIMENTS, "figure_x", "a test")
    assert description("figure_x") == "A figure."
    write(folder / "figure_x.py", '"""Another."""\nraise SystemExit\n')
    assert description("figure_x") == "Another."
