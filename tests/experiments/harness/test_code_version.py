import os
from pathlib import Path

import pytest

import experiments
from experiments import sandbrink_2024 as package
from experiments.harness import code_version as module
from experiments.harness.code_version import code_version, verdict_text

FIGURE = '''"""A figure."""
from experiments.sandbrink_2024 import figure_x_numbers as numbers
from ntadyn.metrics import total_alignment

VERDICT = (
    "Reproduced, "
    "but not by much."
)

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
        ("VERDICT = (", "# A remark.\n\nVERDICT = (\n"),
        ("but not by much", "by any measure"),
        ("2 * parameters", "(2\n        * parameters)  # twice"),
    ],
)
def test_what_changes_no_number_keeps_the_version(folder, old, new):
    before = code_version("figure_x")
    assert old in FIGURE
    write(folder / "figure_x.py", FIGURE.replace(old, new))
    assert code_version("figure_x") == before


def test_a_change_in_the_module_or_in_what_it_imports_is_a_new_version(folder):
    versions = {code_version("figure_x")}
    write(folder / "figure_x_numbers.py", "EXPECTED = 2\n")
    versions.add(code_version("figure_x"))
    write(folder / "figure_x.py", FIGURE.replace("2 *", "3 *"))
    versions.add(code_version("figure_x"))
    write(folder / "figure_y.py", "EXPECTED = 2\n")
    versions.add(code_version("figure_x"))
    assert len(versions) == 3


def test_a_new_version_of_a_library_is_a_new_version(folder, monkeypatch):
    before = code_version("figure_x")
    monkeypatch.setattr(module.metadata, "version", lambda name: "0.0")
    assert code_version("figure_x") != before


def test_imports_are_followed_through_packages_and_lazy_names(folder):
    found = module.PROJECT.imported("experiments.sandbrink_2024.figure_x")
    assert {"experiments.sandbrink_2024.figure_x_numbers", "ntadyn.metrics", "ntadyn.metrics.assignment"} <= set(found)
    assert not any(name.startswith(("ntadyn.cli", "ntadyn.dynamics")) for name in found)
    write(folder / "figure_x.py", "import ntadyn\n")
    assert {"ntadyn", "ntadyn.simulation.trajectory", "ntadyn.solvers.splitting"} <= set(
        module.PROJECT.imported("experiments.sandbrink_2024.figure_x")
    )


def test_figures_do_not_depend_on_the_machinery_that_runs_them():
    for name in package.FIGURES:
        found = module.PROJECT.imported(f"experiments.sandbrink_2024.{name}")
        assert "experiments.harness.acceptance" in found
        assert not {"experiments.harness.runner", "experiments.harness.report", "experiments"} & set(found)


def test_verdict_is_read_without_an_import(folder):
    assert verdict_text("figure_x") == "Reproduced, but not by much."
    write(folder / "figure_x.py", "raise SystemExit\n")
    assert verdict_text("figure_x") is None
    write(folder / "figure_x.py", "VERDICT = compose()\n")
    with pytest.raises(ValueError, match="malformed"):
        verdict_text("figure_x")
