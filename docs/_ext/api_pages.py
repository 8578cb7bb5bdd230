"""Pages of the API reference: one for each room of ntadyn, written before Sphinx reads its sources.

A name is public if neither it nor its module begins with an underscore. What a room hands on comes first, under the
name by which it is imported; names that are reached through a module of the room follow, module by module. Names that
are loaded on first use are read from the stubs beside the rooms.
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

from plain_docstrings import as_restructured_text
from sphinx.application import Sphinx
from written_pages import write_pages

import ntadyn

COMMANDS = "ntadyn.cli"  # are typed, not imported


def rooms() -> list[str]:
    """All packages below ntadyn, but for the commands, and the modules that stand beside them."""
    found = [item.name for item in pkgutil.walk_packages(ntadyn.__path__, "ntadyn.") if item.ispkg]
    beside = [item.name for item in pkgutil.iter_modules(ntadyn.__path__, "ntadyn.") if not item.ispkg]
    return sorted(name for name in (*found, *beside) if name not in (COMMANDS, "ntadyn.__main__", "ntadyn.version"))


def handed_on(package: ModuleType) -> list[str]:
    """Names that a package imports in order to hand them on, as `from there import name as name`."""
    source = Path(inspect.getfile(package))
    stub = source.with_suffix(".pyi")
    tree = ast.parse((stub if stub.is_file() else source).read_text(encoding="utf-8"))
    imports = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return [alias.name for alias in imports if alias.asname == alias.name and not alias.name.startswith("_")]


def own_modules(package: ModuleType) -> Iterator[ModuleType]:
    """Public modules of a package that are no packages."""
    for item in pkgutil.iter_modules(getattr(package, "__path__", []), f"{package.__name__}."):
        if not item.ispkg and not item.name.rpartition(".")[2].startswith("_"):
            yield importlib.import_module(item.name)


def defined_in(module: ModuleType) -> list[str]:
    """Public functions and classes that a module defines, in the order of its text."""
    tree = ast.parse(inspect.getsource(module))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]


def entry(path: str, found: object) -> str:
    """The directive that documents an object."""
    if inspect.isclass(found):
        return f".. autoclass:: {path}\n   :members:\n"
    if inspect.isroutine(found) or hasattr(found, "__wrapped__"):
        return f".. autofunction:: {path}\n"
    kind = type(found)
    inside = f"   Its keys: {', '.join(f'``{key}``' for key in found)}.\n" if isinstance(found, Mapping) else ""
    return f".. py:data:: {path}\n   :type: {kind.__module__}.{kind.__qualname__}\n\n{inside}"


def heading(text: str, line: str) -> str:
    """A title, underlined."""
    return f"{text}\n{line * len(text)}\n"


def page(name: str, told: set[int]) -> str:
    """The page of a room.

    Args:
        name: of the room.
        told: identities of objects that a page before it documents; those of this page are added.
    """
    package = importlib.import_module(name)
    parts = [heading(name, "="), f".. automodule:: {name}\n   :no-members:\n"]
    names = handed_on(package) if hasattr(package, "__path__") else defined_in(package)
    objects = {each: getattr(package, each) for each in names}
    first = {each: found for each, found in objects.items() if not inspect.ismodule(found)}
    for each, found in sorted(first.items(), key=lambda item: item[0].lower()):
        if id(found) not in told:
            parts.append(entry(f"{name}.{each}", found))
            told.add(id(found))
    for module in own_modules(package):
        rest = {each: getattr(module, each) for each in defined_in(module)}
        rest = {each: found for each, found in rest.items() if id(found) not in told}
        if rest:
            hidden = "   :no-index:\n" if module.__name__.rpartition(".")[2] in first else ""
            about = f".. automodule:: {module.__name__}\n   :no-members:\n{hidden}"
            parts += [heading(module.__name__, "-"), about]
            parts += [entry(f"{module.__name__}.{each}", found) for each, found in rest.items()]
            told.update(map(id, rest.values()))
    return "\n".join(parts)


def first_page(names: list[str]) -> str:
    """What the package itself hands on, with links, and the list of rooms."""
    rows = []
    for each in handed_on(ntadyn):
        found = getattr(ntadyn, each)
        if not inspect.ismodule(found) and not each.startswith("__"):
            line = next(iter((inspect.getdoc(found) or "").splitlines()), "")
            rows.append(f"   * - :py:obj:`~{found.__module__}.{each}`\n     - {as_restructured_text(line)}\n")
    listed = "".join(f"   {name}\n" for name in names)
    return "\n".join(
        [
            ":html_theme.sidebar_secondary.remove: true\n",
            heading("API", "="),
            "Every public name, with its equation, shapes and units, what it raises, and its source. Names that the",
            "package itself hands on (``ntadyn.simulate``) are in this table; the others are imported from their room.",
            "The search finds any of them.\n",
            f".. list-table::\n   :widths: 30 70\n\n{''.join(rows)}",
            f".. toctree::\n   :maxdepth: 1\n   :caption: Rooms\n\n{listed}",
        ]
    )


def write_api(app: Sphinx) -> None:
    """Write all pages."""
    names, told = rooms(), set[int]()
    pages = {f"{name}.rst": page(name, told) for name in names} | {"index.rst": first_page(names)}
    write_pages(Path(app.srcdir, "api"), pages, ".rst")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages when a build begins."""
    app.connect("builder-inited", write_api)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
