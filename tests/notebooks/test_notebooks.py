"""The notebooks run from top to bottom as scripts, in their fast version, draw, and what they claim is so.

The site's build runs them as notebooks and holds them to the same claims (`docs/_ext/lesson_pages.py`).
"""

import ast
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import matplotlib
import matplotlib.pyplot as plt
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
CLAIMS = Path(__file__).with_name("claims")
HEADING = "# %% [markdown]\n# # "

Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """A function that runs a notebook as a script and gives its variables; it draws, and no style outlives the test."""
    monkeypatch.setenv("NTADYN_FAST", "1")
    monkeypatch.chdir(tmp_path)
    plt.close("all")  # left open by others, whose number must not matter here

    def run_and_look(name: str) -> dict[str, Any]:
        seen = runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        assert_drawn(name, tmp_path)
        return seen

    with matplotlib.rc_context():
        yield run_and_look
        plt.close("all")


def assert_drawn(name: str, folder: Path) -> None:
    """Every figure of a lesson was left as a file, and nothing else."""
    figures = (FOLDER / f"{name}.py").read_text().count("plt.subplots(")
    assert {file.name for file in folder.iterdir()} == {f"{name}-{number + 1}.png" for number in range(figures)}
    assert all(file.stat().st_size > 5_000 for file in folder.iterdir())


@pytest.mark.exhaustive  # the site's build runs lessons, too, with the same claims
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_what_a_lesson_claims_is_so(name, run):
    # Strict promotion is for the library; optax, and whoever takes a lesson as it stands, has the standard one.
    with jax.numpy_dtype_promotion("standard"):
        seen = run(name)
        exec(compile((CLAIMS / f"{name}.py").read_text(), f"claims of {name}", "exec"), seen)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_each_is_a_lesson_in_percent_format_that_changes_with_its_size(path):
    text = path.read_text()
    ast.parse(text)
    assert "assert" in (CLAIMS / path.name).read_text()
    assert text.startswith("# ---\n# jupyter:\n#   jupytext:\n#     formats: ipynb,py:percent\n")
    assert text.count(HEADING) == 1
    assert 'FAST = os.environ.get("NTADYN_FAST") == "1"' in text
    assert text.count("# %% [markdown]") >= 5
    assert f"#     NTADYN_FAST=1 python notebooks/{path.stem}.py\n" in text
    assert text.count("plt.subplots(") >= 2
    # Which would stop a script where there is a screen, and warn where there is none: it leaves files instead.
    assert "plt.show" not in text


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["first_simulation", "exact_solution_and_conservation_laws"])
def test_the_whole_lesson_draws_as_a_script(name, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("NTADYN_FAST", "MPLBACKEND")}
    subprocess.run([sys.executable, str(FOLDER / f"{name}.py")], cwd=tmp_path, env=environment, check=True)
    assert_drawn(name, tmp_path)
