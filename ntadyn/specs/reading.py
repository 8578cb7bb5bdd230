"""Specs from text and result files, whoever made them: only classes that ship, only values that they allow."""

import dataclasses
import enum
import json
import types
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

from ntadyn.results.text import printable
from ntadyn.specs import continuum, nonlinear, optimisers, sequences, strategies
from ntadyn.specs.families import FAMILIES, PRESETS
from ntadyn.specs.kinds import allows, described, members
from ntadyn.specs.paths import KIND, field_types
from ntadyn.specs.spec import check_spec

Spec = TypeVar("Spec")

# Where parts are from whose kind a spec leaves open; not those that name files, which others may have named.
_PARTS = (strategies, optimisers, sequences, nonlinear, continuum)


def spec_of(attributes: Mapping[Any, Any]) -> Any:
    """The spec that a data set was made from.

    Args:
        attributes: those of the data set: "configuration" as JSON, and "preset" if the file names one.

    Returns:
        A spec of a class that ships.

    Raises:
        ValueError: without a configuration, for one of another class, and for values that its class does not allow.
    """
    try:
        node = json.loads(attributes["configuration"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ValueError("the file holds no configuration, so its cells cannot be run again.") from None
    spec = _whole(_kind_of(node, attributes.get("preset")), node)
    check_spec(spec)
    return spec


def from_json(kind: type[Spec], text: str) -> Spec:
    """What `paths.to_json` has written of a class; parts whose kind it leaves open must be of classes that ship.

    Args:
        kind: the class.
        text: of one such.

    Raises:
        ValueError: if the text is not of this class.
    """
    return _whole(kind, json.loads(text))


def _whole(kind: type[Spec], node: Any) -> Spec:
    try:
        return _read(kind, node, kind.__name__)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no {kind.__name__}: {printable(error)}.") from error


def _kind_of(node: Any, preset: Any) -> type:
    """The class whose parameters are those of a configuration: that of the preset, or any that ships."""
    kinds = [type(PRESETS[preset]())] if preset in PRESETS else []
    kinds += [type(make()) for family in FAMILIES for make in (family.default, *family.presets.values())]
    for kind in kinds:
        if isinstance(node, dict) and node.keys() == {item.name for item in dataclasses.fields(kind)}:
            return kind
    raise ValueError("the configuration in the file is of no class that ships, so its cells cannot be run again.")


def _read(kind: Any, node: Any, where: str) -> Any:
    if kind is Any:
        if isinstance(node, dict) and KIND in node:
            part = {item.__name__: item for item in _parts()}.get(node[KIND])
            if part is None:
                raise ValueError(f"{where} is of the kind {printable(node[KIND])!r}, which does not ship.")
            return _read(part, {name: value for name, value in node.items() if name != KIND}, where)
        raise ValueError(f"{where} does not say of which kind it is.")
    if get_origin(kind) in (types.UnionType,) or len(members(kind)) > 1:
        return _one_of(members(kind), node, where)
    (kind,) = members(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind[node]
    if dataclasses.is_dataclass(kind):
        known = field_types(kind)  # pyright: ignore[reportArgumentType]
        if unknown := node.keys() - known.keys():
            raise KeyError(f"{where} has no parameters {sorted(unknown)}")
        return kind(**{name: _read(known[name], value, f"{where}.{name}") for name, value in node.items()})  # pyright: ignore
    if get_origin(kind) is tuple:
        if not isinstance(node, list):
            raise TypeError(f"{where} is no list")
        inner = get_args(kind)
        kinds = [inner[0]] * len(node) if len(inner) == 2 and inner[1] is Ellipsis else inner
        if len(kinds) != len(node):
            raise TypeError(f"{where} has {len(node)} entries, and not {len(kinds)}")
        return tuple(_read(one, item, where) for one, item in zip(kinds, node, strict=True))
    # Whole numbers are written as real ones where a parameter is one.
    value = int(node) if kind is int and isinstance(node, float) and node.is_integer() else node
    if not allows(kind, value):
        raise ValueError(f"{where} is {printable(node)!r}; it must be {described(kind)}.")
    return value


def _one_of(kinds: tuple[Any, ...], node: Any, where: str) -> Any:
    failed: Exception = ValueError(f"{where} is {printable(node)!r}, which it cannot be.")
    for kind in kinds:
        try:
            return _read(kind, node, where)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            failed = error
    raise failed


def _parts() -> Iterator[type]:
    for module in _PARTS:
        for item in vars(module).values():
            if isinstance(item, type) and dataclasses.is_dataclass(item) and item is not sequences.FromCSV:
                yield item
