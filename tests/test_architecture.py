"""Imports point one way: from a room to those below it, and from experiments to the library."""

import ast
from pathlib import Path

import ntadyn

ROOT = Path(ntadyn.__file__).parent
# From the ground up; rooms in one row do not know each other.
ROOMS = (
    ("version", "limits", "decompositions", "xla_options", "compilation_cache"),
    ("tasks", "regularizers", "networks", "metrics", "results"),
    ("interface",),
    ("solvers",),
    ("dynamics",),
    ("simulation",),
    ("continual",),
    ("nested", "stability"),
    ("degeneracy",),
    ("specs", "testing"),
    ("sweeps",),
    ("maps", "arena", "training"),
    ("verification",),
    ("plotting",),
    ("cli",),
)
LEVEL = {room: level for level, row in enumerate(ROOMS) for room in row}


def imported(path: Path, package: str) -> set[str]:
    """First names below the package of everything that a file imports, functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module] if node.module != package else [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] if "." in name else "" for name in names if name.split(".")[0] == package}
    return found


def test_imports_point_one_way():
    backwards = []
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        for other in imported(path, "ntadyn") - {room}:
            if other == "" or LEVEL[other] >= LEVEL[room]:
                backwards.append(f"{path.relative_to(ROOT)} imports {other or 'the package itself'}")
    assert backwards == []


def test_the_library_does_not_know_the_experiments():
    assert not any(imported(path, "experiments") for path in ROOT.rglob("*.py"))


def test_every_room_is_in_order():
    rooms = {path.name.removesuffix(".py") for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__pycache__", "__init__", "__main__"} == set(LEVEL)
