"""Which code made a result: a digest of everything that a figure's module imports from this project.

Comments, docstrings, layout and the VERDICT of a figure may change without making a result out of date.
"""

import ast
import functools
import hashlib
import importlib.util
import platform
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

PROJECT = ("experiments", "ntadyn")
PACKAGES = ("jax", "jaxlib", "equinox", "diffrax", "numpy")
# They run figures and write results down, but change no number.
MACHINERY = {"__main__", "catalogue", "code_version", "figure_run", "report", "results", "runner", "workers"}


def code_version(name: str) -> str:
    """The digest for one figure; two runs with the same one and the same parameters have the same results.

    Args:
        name: of the figure's module.

    Returns:
        Hexadecimal text over the syntax of the module, of all modules of this project that it imports, directly or not,
        and over the versions of Python and of the libraries that compute.

    Raises:
        SyntaxError: if one of the modules cannot be parsed.
    """
    digest = hashlib.sha256(platform.python_version().encode())
    for package in PACKAGES:
        digest.update(f"{package}={metadata.version(package)}".encode())
    for module, path in sorted(_imported(f"experiments.{name}").items()):
        digest.update(module.encode())
        digest.update(_syntax(path, path.stat().st_mtime_ns)[0].encode())
    return digest.hexdigest()


def description(name: str) -> str | None:
    """The docstring of a figure's module, read without importing it: what it shows, and in which convention.

    Args:
        name: of the figure's module.

    Raises:
        SyntaxError: if the module cannot be parsed.
    """
    path = _file_of(f"experiments.{name}")
    return None if path is None else ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def verdict_text(name: str) -> str | None:
    """VERDICT of a figure's module, read without importing it; None if the module has none.

    Args:
        name: of the figure's module.

    Raises:
        ValueError: if VERDICT is not written as plain text.
    """
    path = _file_of(f"experiments.{name}")
    if path is None:
        return None
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if _is_verdict(statement) and isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            text = ast.literal_eval(statement.value)
            return str(text)
    return None


def _imported(start: str) -> dict[str, Path]:
    """Module -> file, of `start` and of everything of this project that it imports."""
    found: dict[str, Path] = {}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        package, _, rest = module.partition(".")
        path = _file_of(module)
        if path is None or module in found or (package == "experiments" and rest in ("", *MACHINERY)):
            continue
        found[module] = path
        names = _syntax(path, path.stat().st_mtime_ns)[1]
        here = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for name in names:
            waiting += _targets(importlib.util.resolve_name(name, here) if name.startswith(".") else name)
    return found


def _targets(name: str) -> Iterator[str]:
    """What a dotted name may stand for: a module, or something that a module holds."""
    if name.partition(".")[0] in PROJECT:
        # A package hands names on, so without a file of that name its own imports are what counts.
        yield name if _file_of(name) else name.rpartition(".")[0]


def _file_of(module: str) -> Path | None:
    package, *parts = module.split(".")
    for folder in import_module(package).__path__:
        place = Path(folder, *parts)
        for path in (place.with_suffix(".py") if parts else None, place / "__init__.py"):
            if path is not None and path.is_file():
                return path
    return None


@functools.cache
def _syntax(path: Path, modified: int) -> tuple[str, tuple[str, ...]]:
    """The syntax tree as text, and the dotted names that are imported; `modified` tells versions of a file apart."""
    del modified
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            names += [f"{origin}{'' if origin.endswith('.') else '.'}{alias.name}" for alias in node.names]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part) and not _is_verdict(part)]
    return ast.dump(tree), tuple(names)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_verdict(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id="VERDICT")]) | ast.AnnAssign(target=ast.Name(id="VERDICT")):
            return True
    return False
