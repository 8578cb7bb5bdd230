"""How words on the command line become values: choices in any case and spelling, and pairs with clear errors."""

import enum
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from ntadyn.specs.names import known_as

REGISTRY = ConstructorRegistry()


@REGISTRY.primitive_rule
def _choice(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Members of enumerations by their names in lower case."""
    if isinstance(info.type, type) and issubclass(info.type, enum.Enum):
        return _one_of({member.name.lower(): member for member in info.type})
    return None


def one_of(names: Iterable[str]) -> PrimitiveConstructorSpec[str]:
    """The annotation of an option that takes one of some names.

    Args:
        names: the names, in the spelling that is shown.
    """
    return _one_of({name: name for name in names})


def _one_of(choices: Mapping[str, Any]) -> PrimitiveConstructorSpec[Any]:
    names = {id(value): name for name, value in choices.items()}
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=f"{{{','.join(choices)}}}",
        instance_from_str=lambda words: choices[known_as(words[0], choices, "choice")],
        is_instance=lambda value: value in choices.values(),
        str_from_instance=lambda value: [names.get(id(value), str(value))],
    )


@REGISTRY.primitive_rule
def _pair(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Two numbers; for any other number of words, the error appears with the help of the option."""
    kinds = typing.get_args(info.type)
    if typing.get_origin(info.type) is not tuple or kinds not in ((int, int), (float, float)):
        return None

    def pair(words: list[str]) -> tuple[Any, ...]:
        if len(words) != len(kinds):
            raise ValueError(f"{len(kinds)} values are needed, got {len(words)}: {' '.join(words) or 'none'}")
        return tuple(kind(word) for kind, word in zip(kinds, words, strict=True))

    return PrimitiveConstructorSpec(
        nargs="*",
        metavar=" ".join(kind.__name__.upper() for kind in kinds),
        instance_from_str=pair,
        is_instance=lambda value: isinstance(value, tuple) and len(value) == len(kinds),
        str_from_instance=lambda value: [str(item) for item in value],
    )
