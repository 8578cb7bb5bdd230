"""Which code made a result: a digest of a module and of everything in the same project that it imports.

Comments, docstrings and layout may change without making a result out of date, and so may whatever the module does not
import: a picture that is drawn in another way changes no number of a sweep.
"""

import ast
import functools
import hashlib
import importlib.util
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ntadyn.results import known_sources


@dataclass(frozen=True)
class Project:
    """Packages whose sources are read; what they import from elsewhere is told by its version, not here.

    A digest speaks of the files as they are when it is first asked for; whoever edits them in a running process has to
    start another one, as for the edit itself.

    Attributes:
        packages: names of the top-level packages.
        left_out: modules that change no number: lists of names that a package hands on, or what runs the others.
    """

    packages: tuple[str, ...]
    left_out: frozenset[str] = frozenset()

    def digest(self, *modules: str) -> str:
        """Hexadecimal text over the syntax of some modules and of all that they import, directly or not.

        Args:
            modules: dotted names.

        Raises:
            SyntaxError: if one of the modules cannot be parsed.
        """
        digest = hashlib.sha256()
        for module, path in sorted(self.imported(*modules).items()):
            digest.update(f"{module}\n{self._syntax(path)[0]}\n".encode())
        return digest.hexdigest()

    def imported(self, *modules: str) -> dict[str, Path]:
        """Module -> file, of some modules and of all in the project that they import, directly or not.

        Args:
            modules: dotted names; those without a source are left out.
        """
        found: dict[str, Path] = {}
        waiting, asked = list(modules), {""}
        while waiting:
            name = waiting.pop()
            if name in asked or name in self.left_out or name.partition(".")[0] not in self.packages:
                continue
            asked.add(name)
            if (path := source_of(name)) is None:
                # Something that a module holds; a package hands names on, so that its own imports are what counts.
                waiting.append(name.rpartition(".")[0])
                continue
            found[name] = path
            here = name if path.name == "__init__.py" else name.rpartition(".")[0]
            stub = path.with_suffix(".pyi")  # where a package that loads names on first use lists them
            for other in (*self._syntax(path)[1], *(self._syntax(stub)[1] if stub.is_file() else ())):
                waiting.append(importlib.util.resolve_name(other, here) if other.startswith(".") else other)
        known_sources.keep()
        return found

    def _syntax(self, path: Path) -> tuple[str, tuple[str, ...]]:
        return _syntax(path, path.stat().st_mtime_ns)


def source_of(module: str) -> Path | None:
    """The file of a module, found without importing more than its top-level package; None if there is none.

    Args:
        module: dotted name.
    """
    package, *parts = module.split(".")
    for folder in import_module(package).__path__:
        place = Path(folder, *parts)
        for path in (place.with_suffix(".py") if parts else None, place / "__init__.py"):
            if path is not None and path.is_file():
                return path
    return None


# Two threads that build syntax trees at the same time fail, for a reason of Python's own (SystemError, depth mismatch).
_ONE_AT_A_TIME = threading.Lock()
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


# Another number for another way to read a file.
_WAY = "syntax tree 1"


@functools.cache
def _syntax(path: Path, modified: int) -> known_sources.Found:
    """The digest of a syntax tree, and the names of what is imported; `modified` tells versions of a file apart."""
    del modified
    return known_sources.known_or(functools.partial(_found, path), path.read_bytes(), _WAY)


def _found(path: Path, content: bytes) -> known_sources.Found:
    with _ONE_AT_A_TIME:
        tree = ast.parse(content, str(path))
    names: list[str] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            names += [f"{origin}{'' if origin.endswith('.') else '.'}{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
        # Statements are in statements only, which are few beside all that is in expressions.
        for field in _BODIES:
            waiting += getattr(node, field, ())
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(names)


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a docstring, or another constant that nothing is done with."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
