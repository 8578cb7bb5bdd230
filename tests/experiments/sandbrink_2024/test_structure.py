"""Figures import what they share, and never each other; shared things import no figure."""

import ast
from pathlib import Path

import pytest

from experiments import sandbrink_2024 as package

ROOT = Path(package.__file__).parent
NAME = package.__name__
SHARED = {"runs": {"runs"}, "numbers": {"runs", "numbers"}, "panels": {"runs", "panels"}}


def parts_imported(folder: Path) -> set[str]:
    """First names inside the package of everything that the files of a folder import."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            found |= {name.split(".")[2] for name in names if name.startswith(f"{NAME}.")}
    return found


@pytest.mark.parametrize("figure", package.EXPERIMENTS)
def test_a_figure_imports_no_other_figure(figure):
    assert parts_imported(ROOT / figure) <= {figure, *SHARED}


@pytest.mark.parametrize(("part", "allowed"), SHARED.items())
def test_what_is_shared_knows_no_figure(part, allowed):
    assert parts_imported(ROOT / part) <= allowed


def test_every_folder_is_a_figure_or_shared():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {*package.EXPERIMENTS, *SHARED}
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py"}


def test_the_harness_knows_no_article():
    for path in (ROOT.parent / "harness").glob("*.py"):
        assert "sandbrink" not in path.read_text(), path
