"""Which code made a result: a digest of everything that a module imports from this project.

Comments, docstrings and layout may change without making a result out of date, and so may the text about an experiment,
which is no code.
"""

import ast
import hashlib
import platform
from importlib import metadata

from experiments.harness.registry import module_name
from ntadyn.results.code_version import Project, source_of

PACKAGES = ("jax", "jaxlib", "equinox", "diffrax", "numpy")
# They run experiments and write results down, but change no number.
MACHINERY = {
    "code_version",
    "experiment",
    "plain",
    "progress",
    "registry",
    "report",
    "results",
    "runner",
    "runs",
    "verdicts",
    "workers",
}
PROJECT = Project(
    ("experiments", "ntadyn"),
    frozenset({"experiments", "experiments.__main__", *(f"experiments.harness.{name}" for name in MACHINERY)}),
)


def code_version(module: str) -> str:
    """The digest for one module; what it computes from the same parameters under the same digest is the same.

    Args:
        module: dotted name.

    Returns:
        Hexadecimal text over the syntax of the module, of all modules of this project that it imports, directly or not,
        and over the versions of Python and of the libraries that compute.

    Raises:
        SyntaxError: if one of the modules cannot be parsed.
    """
    digest = hashlib.sha256(platform.python_version().encode())
    for package in PACKAGES:
        digest.update(f"{package}={metadata.version(package)}".encode())
    digest.update(PROJECT.digest(module).encode())
    return digest.hexdigest()


def description(name: str) -> str | None:
    """The docstring of an experiment, read without importing it: what it shows, and in which convention.

    Args:
        name: of the experiment.

    Raises:
        SyntaxError: if its module cannot be parsed.
        ValueError: if no package lists it.
    """
    path = source_of(module_name(name))
    return None if path is None else ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
