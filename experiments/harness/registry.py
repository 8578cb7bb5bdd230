"""Which experiments there are: the packages that `experiments` lists, and the experiments that each of them lists."""

import difflib
import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import experiments

EVERYTHING = "all"
QUICK = "fast"  # folder of quick runs, below that of full ones
_FIGURE = re.compile(r"figure_(?P<appendix>a?)(?P<number>\d+)(?:_(?P<rest>.*))?$")


@dataclass(frozen=True)
class Package:
    """Experiments that belong together.

    Attributes:
        name: of the package inside `experiments`.
        title: what they are about, in one line.
        experiments: name of a module in the package -> what it shows, in the order in which they are shown. No two
            packages share a name.
    """

    name: str
    title: str
    experiments: Mapping[str, str]


def packages() -> list[Package]:
    """All of them, in order."""
    modules = {name: importlib.import_module(f"experiments.{name}") for name in experiments.PACKAGES}
    return [Package(name, module.TITLE, module.EXPERIMENTS) for name, module in modules.items()]


def all_names() -> list[str]:
    """The names of all experiments, in order."""
    return [name for package in packages() for name in package.experiments]


def package_of(name: str) -> Package | None:
    """The package that lists an experiment, None if there is none."""
    return next((package for package in packages() if name in package.experiments), None)


def module_name(name: str) -> str:
    """The dotted name of an experiment's module.

    Raises:
        ValueError: if no package lists it.
    """
    package = package_of(name)
    if package is None:
        raise ValueError(f"no package of experiments lists {name!r}; see `python -m experiments list`.")
    return f"experiments.{package.name}.{name}"


def line_of(name: str) -> str:
    """What an experiment shows, in one line; nothing for one that no package lists."""
    package = package_of(name)
    return "" if package is None else package.experiments[name]


def chosen(names: Sequence[str]) -> list[str]:
    """The experiments that were asked for, each once, in order.

    Args:
        names: of experiments or of packages, or "all"; in any case, with dashes or underscores.

    Returns:
        Names of experiments.

    Raises:
        ValueError: for no name or one that is not known.
    """
    if not names:
        raise ValueError(f"nothing to run was named; give names that `list` shows, or {EVERYTHING!r}.")
    groups = {package.name: list(package.experiments) for package in packages()} | {EVERYTHING: all_names()}
    wanted: set[str] = set()
    for name in names:
        plain = spelled(name)
        if plain not in groups and plain not in groups[EVERYTHING]:
            close = difflib.get_close_matches(plain, [*groups, *groups[EVERYTHING]], 3)
            hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
            raise ValueError(f"there is no experiment {name!r}; {hint}`python -m experiments list` names all.")
        wanted.update(groups.get(plain, [plain]))
    return [name for name in groups[EVERYTHING] if name in wanted]


def spelled(name: str) -> str:
    """A name as modules are spelled: `Figure-2` is `figure_2`."""
    return name.strip().lower().replace("-", "_")


def title(name: str) -> str:
    """The name as a heading: "Figure A10", "Figure 2: conservation", "Speed test"."""
    found = _FIGURE.match(name)
    if found is None:
        return name.replace("_", " ").capitalize()
    rest = f": {found['rest'].replace('_', ' ')}" if found["rest"] else ""
    return f"Figure {found['appendix'].upper()}{found['number']}{rest}"
