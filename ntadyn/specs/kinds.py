"""The declared types of parameters, and the values that they allow. Nothing here imports JAX."""

import enum
import operator
import types
import typing
from typing import Annotated, Any


def members(kind: Any) -> tuple[Any, ...]:
    """The types that a declared type allows: those of a union, without annotations.

    Args:
        kind: for example `float | None`, `Annotated[int, ...]`, or an enumeration.
    """
    if typing.get_origin(kind) is Annotated:
        return members(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return tuple(member for item in typing.get_args(kind) for member in members(item))
    return (type(None) if kind is None else kind,)


def allows(kind: Any, value: Any) -> bool:
    """Whether a value is of a declared type; whole numbers count as real numbers, truth values as none.

    Args:
        kind: see `members`.
        value: anything.
    """
    return any(_is_one(member, value) for member in members(kind))


def described(kind: Any) -> str:
    """What a declared type allows, in words.

    Args:
        kind: see `members`.

    Returns:
        For example "a real number", "one of Dynamics.ONLINE, ...", "a whole number or None".
    """
    return " or ".join(map(_described_one, members(kind)))


def is_choice(kind: Any) -> bool:
    """Whether a type is an enumeration."""
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def as_index(value: Any) -> int | None:
    """A whole number of any library as Python's; None for anything else, including truth values."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def is_number(value: Any) -> bool:
    """Whether a value is one of Python's own numbers, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_one(kind: Any, value: Any) -> bool:
    if kind is Any:
        return True
    if kind is float:
        return is_number(value)
    if kind is int:
        return as_index(value) is not None
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        return value in typing.get_args(kind)
    return isinstance(value, origin or kind)


_WORDS = {float: "a real number", int: "a whole number", bool: "True or False", str: "text", type(None): "None"}


def _described_one(kind: Any) -> str:
    if is_choice(kind):
        return f"one of {', '.join(f'{kind.__name__}.{member.name}' for member in kind)}"
    if typing.get_origin(kind) is typing.Literal:
        return f"one of {', '.join(map(repr, typing.get_args(kind)))}"
    return _WORDS.get(kind) or getattr(typing.get_origin(kind) or kind, "__name__", str(kind))
