"""Which code made a result: a digest of everything that a figure's module imports from this project.

Comments, docstrings, layout and the VERDICT of a figure may change without making a result out of date.
"""

import ast
import hashlib
import platform
from importlib import metadata

from ntadyn.results.code_version import Project, source_of

PACKAGES = ("jax", "jaxlib", "equinox", "diffrax", "numpy")
# They run figures and write results down, but change no number.
MACHINERY = {"catalogue", "code_version", "figure_run", "report", "results", "runner", "workers"}


def _is_verdict(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id="VERDICT")]) | ast.AnnAssign(target=ast.Name(id="VERDICT")):
            return True
    return False


PROJECT = Project(
    ("experiments", "ntadyn"),
    frozenset({"experiments", "experiments.__main__", *(f"experiments.harness.{name}" for name in MACHINERY)}),
    _is_verdict,
)


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
    digest.update(PROJECT.digest(f"experiments.sandbrink_2024.{name}").encode())
    return digest.hexdigest()


def description(name: str) -> str | None:
    """The docstring of a figure's module, read without importing it: what it shows, and in which convention.

    Args:
        name: of the figure's module.

    Raises:
        SyntaxError: if the module cannot be parsed.
    """
    path = source_of(f"experiments.sandbrink_2024.{name}")
    return None if path is None else ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def verdict_text(name: str) -> str | None:
    """VERDICT of a figure's module, read without importing it; None if the module has none.

    Args:
        name: of the figure's module.

    Raises:
        ValueError: if VERDICT is not written as plain text.
    """
    path = source_of(f"experiments.sandbrink_2024.{name}")
    if path is None:
        return None
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if _is_verdict(statement) and isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            text = ast.literal_eval(statement.value)
            return str(text)
    return None
