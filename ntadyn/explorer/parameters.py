"""The parameters of any spec, found out from its declarations: what can be an axis, and what a slider. No JAX here."""

import ast
import dataclasses
import enum
import functools
import inspect
import math
import textwrap
from dataclasses import dataclass
from typing import Any

from ntadyn.specs.kinds import allows, described, is_choice, is_number, members
from ntadyn.specs.paths import declared, flat, value_at
from ntadyn.sweeps.plan import Axis

# How far a slider goes from a positive value, as a factor, and an axis.
SLIDER_REACH, AXIS_REACH = 10.0, 2.0


class Form(enum.Enum):
    """How a parameter is entered."""

    REAL = "real"
    WHOLE = "whole"
    CHOICE = "choice"
    FLAG = "flag"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a spec.

    Attributes:
        path: its dotted path.
        form: how it is entered.
        value: in the spec.
        label: a few words.
        text: one sentence.
        choices: names of the values of a choice.
    """

    path: str
    form: Form
    value: Any
    label: str
    text: str
    choices: tuple[str, ...] = ()

    @property
    def logarithmic(self) -> bool:
        """Whether it is moved by factors."""
        return self.form is Form.REAL and self.value > 0

    @property
    def limits(self) -> tuple[float, float]:
        """Where a slider ends."""
        return _reach(self.value, SLIDER_REACH)

    @property
    def range(self) -> tuple[float, float]:
        """Where an axis ends unless somebody says otherwise."""
        return _reach(self.value, AXIS_REACH)


def parameters_of(spec: Any) -> tuple[Parameter, ...]:
    """All parameters with one value each, but for seeds, in the order of their declaration.

    Args:
        spec: any spec.
    """
    return tuple(found for path in flat(spec) if (found := _parameter(spec, path)) is not None)


def parsed_value(spec: Any, path: str, text: str) -> Any:
    """A value of a parameter from text.

    Args:
        spec: any spec.
        path: dotted path of one of its parameters.
        text: a number, True or False, or the name of a choice.

    Raises:
        ValueError: for an unknown parameter, and a value that it cannot have.
    """
    found = _parameter(spec, path)
    if found is None:
        raise ValueError(f"{path!r} is no parameter of a {type(spec).__name__} that can be set here.")
    kind = declared(spec, path)
    try:
        if found.form is Form.CHOICE:
            value = _choice_of(kind)[text]
        elif found.form is Form.FLAG:
            value = {"True": True, "False": False}[text]
        else:
            value = int(text) if found.form is Form.WHOLE else float(text)
    except (KeyError, ValueError):
        allowed = ", ".join(found.choices) if found.choices else described(kind)
        raise ValueError(f"{path} is {text!r}; it must be {allowed}.") from None
    if not allows(kind, value) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{path} is {text!r}; it must be {described(kind)}, and finite.")
    return value


def as_text(value: Any) -> str:
    """A value as `parsed_value` reads it, every digit of it."""
    return value.name if isinstance(value, enum.Enum) else repr(value)


def _parameter(spec: Any, path: str) -> Parameter | None:
    if path.startswith("randomness"):
        return None
    try:
        kind, value = declared(spec, path), value_at(spec, path)
    except (KeyError, AttributeError, TypeError):  # the kind of a part, which is no parameter
        return None
    label = Axis(path, (value,)).label if value is not None else path
    text = _documentation(spec, path) or label
    if any(is_choice(member) for member in members(kind)) and isinstance(value, enum.Enum):
        return Parameter(path, Form.CHOICE, value, label, text, tuple(item.name for item in type(value)))
    if isinstance(value, bool):
        return Parameter(path, Form.FLAG, value, label, text)
    if not is_number(value):
        return None
    real = float in members(kind)
    number: Any = value
    return Parameter(path, Form.REAL if real else Form.WHOLE, float(number) if real else number, label, text)


def _choice_of(kind: Any) -> Any:
    return next(member for member in members(kind) if is_choice(member))


def _reach(value: float, factor: float) -> tuple[float, float]:
    if value > 0:
        return value / factor, value * factor
    return (0.0, 1.0) if value == 0 else (2 * value, 0.0)


def _documentation(spec: Any, path: str) -> str:
    """What the declaration of a parameter says about it."""
    *parents, name = path.split(".")
    owner = type(value_at(spec, ".".join(parents)) if parents else spec)
    return next((_texts(kind)[name] for kind in owner.__mro__ if name in _texts(kind)), "")


@functools.cache
def _texts(kind: type) -> dict[str, str]:
    """Field -> the text below its declaration."""
    if not dataclasses.is_dataclass(kind):
        return {}
    try:
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    except (OSError, TypeError, SyntaxError):  # made without a file
        return {}
    items, found = getattr(body, "body", []), {}
    for item, after in zip(items, items[1:], strict=False):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and is_text:
            found[item.target.id] = " ".join(str(after.value.value).split())  # pyright: ignore[reportAttributeAccessIssue]
    return found
