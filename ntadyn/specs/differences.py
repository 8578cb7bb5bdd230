"""How a configuration differs from the preset that it was made from, or that comes closest to it."""

import functools
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ntadyn.results.text import printable
from ntadyn.specs.families import FAMILIES, PRESETS, Family
from ntadyn.specs.paths import to_json

# The number of repetitions is shown beside every mean, and says nothing about what is simulated.
NOT_A_SETTING = "randomness.num_seeds"
MISSING = "not recorded"
LONGEST_VALUE = 40


@dataclass(frozen=True)
class Difference:
    """One parameter that has another value than in a preset.

    Attributes:
        path: dotted path of the parameter.
        given: its value; `MISSING` where the configuration does not say.
        usual: its value in the preset; `MISSING` if this version does not know the parameter.
    """

    path: str
    given: Any
    usual: Any

    def __str__(self) -> str:
        return f"{self.path} = {_text(self.given)}"


@dataclass(frozen=True)
class Settings:
    """A preset, and what differs from it.

    Attributes:
        preset: its name.
        named: whether the file names it; if not, it is the preset that differs in the fewest parameters.
        differences: the parameters that differ, in the order of their paths.
    """

    preset: str
    named: bool
    differences: tuple[Difference, ...]

    def short(self, longest: int = 160) -> str:
        """The name and the first differences, in one line.

        Args:
            longest: the most characters; differences beyond them are counted only.

        Returns:
            The line.
        """
        name = self.preset if self.named or not self.differences else f"nearest preset {self.preset}"
        texts = [str(difference) for difference in self.differences]
        for kept in range(len(texts), -1, -1):
            left = len(texts) - kept
            parts = [*texts[:kept], *([f"{left} more differ" if kept else f"{left} parameters differ"] if left else [])]
            line = "; ".join([name, ", ".join(parts)] if parts else [name])
            if len(line) <= longest:
                break
        return line


def settings_of(attributes: Mapping[Any, Any], varied: Collection[str] = ()) -> Settings | None:
    """The preset behind a data set, and what differs from it.

    Args:
        attributes: those of the data set: "configuration" as JSON, and "preset" if the file names one.
        varied: dotted paths of parameters that have no single value, because they are axes.

    Returns:
        The settings; None without a configuration, or with one of another kind, for which there are no presets.
    """
    given = _given(attributes)
    if given is None:
        return None
    name, presets = attributes.get("preset"), _family(given).presets
    if isinstance(name, str) and name in presets:
        return Settings(name, True, differences(given, preset_values(name), varied))
    found = {name: differences(given, preset_values(name), varied) for name in presets}
    nearest = min(found, key=lambda name: len(found[name]))
    return Settings(nearest, False, found[nearest])


def differences_from_defaults(attributes: Mapping[Any, Any], varied: Collection[str] = ()) -> tuple[Difference, ...]:
    """What differs from the defaults of a configuration: everything, if it is of another kind.

    Args:
        attributes: those of a data set, with "configuration" as JSON.
        varied: paths that are left out, see `settings_of`.
    """
    node = json.loads(attributes["configuration"])
    given = _given(attributes)
    usual = {} if given is None else _values(_family(given).default)
    return differences(flat(node), usual, varied, left_out=())


def differences(
    given: Mapping[str, Any],
    usual: Mapping[str, Any],
    varied: Collection[str] = (),
    left_out: Collection[str] = (NOT_A_SETTING,),
) -> tuple[Difference, ...]:
    """Parameters whose values are not the same.

    Args:
        given: dotted path -> value.
        usual: dotted path -> value to compare with.
        varied: paths that are left out, because they are axes.
        left_out: further paths that are left out.
    """
    return tuple(
        Difference(path, given.get(path, MISSING), usual.get(path, MISSING))
        for path in sorted((given.keys() | usual.keys()) - set(varied) - set(left_out))
        if given.get(path, MISSING) != usual.get(path, MISSING)
    )


def flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with dotted paths."""
    found: dict[str, Any] = {}
    for name, value in node.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


@functools.cache
def preset_values(name: str) -> dict[str, Any]:
    """Dotted path -> value of a preset."""
    return _values(PRESETS[name])


def _values(make: Callable[[], Any]) -> dict[str, Any]:
    return flat(json.loads(to_json(make())))


def _family(given: Mapping[str, Any]) -> Family:
    """The kind of spec that has the same sections and parameters, or most of them."""

    def distance(family: Family) -> tuple[int, int]:
        known = _values(family.default).keys()
        return len(_sections(given) ^ _sections(known)), len(given.keys() ^ known)

    return min(FAMILIES, key=distance)


def _sections(paths: Collection[str]) -> set[str]:
    return {path.split(".")[0] for path in paths}


def _given(attributes: Mapping[Any, Any]) -> dict[str, Any] | None:
    """The parameters of a spec that ships; None if no section of one is there."""
    if "configuration" not in attributes:
        return None
    node = json.loads(attributes["configuration"])
    sections = {path.split(".")[0] for family in FAMILIES for path in _values(family.default) if "." in path}
    known = isinstance(node, dict) and any(isinstance(node.get(name), dict) for name in sections)
    return flat(node) if known else None


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return printable("none" if value is None else value, LONGEST_VALUE)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
