"""Parameters of a configuration by dotted path, and all of them as text. Nothing here imports JAX."""

import copy
import dataclasses
import enum
import functools
import json
from typing import Any, TypeVar, get_type_hints

Spec = TypeVar("Spec")


def replaced(configuration: Spec, changes: dict[str, Any]) -> Spec:
    """A spec in which some parameters, named by dotted paths such as "time_constants.gates", are changed.

    Args:
        configuration: the spec to start from; a `Configuration` or any other.
        changes: dotted path -> new value; values may be arrays, also traced ones.

    Returns:
        The new spec.

    Raises:
        ValueError: for a path that does not exist; the message lists those that do.
    """
    for path, value in changes.items():
        configuration = _replaced_one(configuration, path.split("."), value, path)
    return configuration


def _replaced_one(node: Any, names: list[str], value: Any, path: str) -> Any:
    known = [item.name for item in dataclasses.fields(node)] if dataclasses.is_dataclass(node) else []
    if names[0] not in known:
        raise ValueError(f"there is no parameter {path!r}: {type(node).__name__} has {known}.")
    if len(names) > 1:
        value = _replaced_one(getattr(node, names[0]), names[1:], value, path)
    # Not `dataclasses.replace`: the declared types are those of the command line, and arrays may enter only here.
    changed = copy.copy(node)
    object.__setattr__(changed, names[0], value)
    return changed


def value_at(configuration: Any, path: str) -> Any:
    """The parameter at a dotted path, see `replaced`."""
    node: Any = configuration
    for name in path.split("."):
        node = getattr(node, name)
    return node


_REAL = (float, float | None)


def is_real(configuration: Any, path: str) -> bool:
    """Whether a parameter is declared as a real number, which may then be an array or a traced value.

    Args:
        configuration: any spec.
        path: dotted path of one of its parameters.
    """
    return declared(configuration, path) in _REAL


def real_parameters(configuration: Any, prefix: str = "") -> dict[str, Any]:
    """Parameters that are declared as real numbers: dotted path -> value; those that are None are left out.

    Args:
        configuration: any spec.
        prefix: prefix of every path.
    """
    found: dict[str, Any] = {}
    for name, kind in field_types(type(configuration)).items():
        value = getattr(configuration, name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            found |= real_parameters(value, f"{prefix}{name}.")
        elif kind in _REAL and value is not None:
            found[prefix + name] = value
    return found


def declared(configuration: Any, path: str) -> Any:
    """The declared type of a parameter.

    Args:
        configuration: any spec.
        path: dotted path of one of its parameters.
    """
    *parents, name = path.split(".")
    node = value_at(configuration, ".".join(parents)) if parents else configuration
    return field_types(type(node))[name]


@functools.cache
def field_types(kind: type) -> dict[str, Any]:
    """Field -> declared type, also if annotations are stored as text."""
    declared = {item.name: item.type for item in dataclasses.fields(kind)}
    return get_type_hints(kind) if any(isinstance(item, str) for item in declared.values()) else declared


# Beside the parameters of a part whose kind is left open, such as a strategy: the name of its class.
KIND = "kind"


def to_json(configuration: Any) -> str:
    """A configuration as canonical JSON, with sorted keys and enumerations by name: equal values give equal text."""
    return json.dumps(plain(configuration), sort_keys=True, default=lambda value: value.item())


def plain(node: Any) -> Any:
    """A configuration, or any value in one, as dictionaries, numbers and strings."""
    if isinstance(node, enum.Enum):
        return node.name
    if isinstance(node, tuple | list):
        return [plain(item) for item in node]
    if not dataclasses.is_dataclass(node):
        return node
    if isinstance(node, type):
        return node.__name__
    values = {name: (kind, getattr(node, name)) for name, kind in field_types(type(node)).items()}
    # 7 and 7.0, like 0.0 and -0.0, are equal and must not differ as text; an array of one number becomes that number.
    return {name: _plain_parameter(kind, value) for name, (kind, value) in values.items()}


def _plain_parameter(declared: Any, value: Any) -> Any:
    if declared in _REAL and value is not None:
        return float(value) + 0.0
    if _is_one_of_many(declared, value):
        return {KIND: type(value).__name__, **plain(value)}
    return plain(value)


def _is_one_of_many(declared: Any, value: Any) -> bool:
    """Whether a parameter is a dataclass of a kind that its declaration leaves open."""
    return declared is Any and dataclasses.is_dataclass(value) and not isinstance(value, type)


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """All parameters as dotted path -> plain value.

    Args:
        node: a configuration, or any dataclass.
        prefix: prefix of every path.
    """
    found: dict[str, Any] = {}
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        path = prefix + item.name
        if _is_one_of_many(item.type, value):
            found[f"{path}.{KIND}"] = type(value).__name__
        found |= flat(value, f"{path}.") if dataclasses.is_dataclass(value) else {path: plain(value)}
    return found
