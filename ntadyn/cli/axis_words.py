"""Axes of a sweep as words on the command line: paths, and their values as ranges or lists."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ntadyn.limits import MOST_CELLS, check_count
from ntadyn.specs.kinds import described, is_choice, members
from ntadyn.specs.names import known_as, spoken
from ntadyn.specs.paths import declared, flat
from ntadyn.sweeps.plan import Axis, Zipped, spaced, zipped

GRAMMAR = "PATH=LOW:HIGH:COUNT, PATH=log:LOW:HIGH:COUNT, PATH=A,B,C or PATH+PATH=A,B;C,D"


def axes_of(words: Sequence[str], spec: Any) -> tuple[Axis | Zipped, ...]:
    """The axes that words ask for, one per word.

    Args:
        words: each as `GRAMMAR` says; a path may be spelled with dashes, in any case, or by its last name alone if that
            is unique.
        spec: the spec that declares the parameters.

    Raises:
        ValueError: for a word of another form, an unknown parameter, and values of another type than it has.
    """
    return tuple(_axis(word, spec) for word in words)


def path_of(word: str, spec: Any) -> str:
    """The dotted path of the parameter that is meant.

    Args:
        word: a path, or its last name if that is unique; in any spelling.
        spec: the spec that declares the parameters.

    Raises:
        ValueError: if there is none; the message lists all.
    """
    paths = tuple(flat(spec))
    ends = Counter(spoken(path).rpartition(".")[2] for path in paths)
    short = {spoken(path).rpartition(".")[2]: path for path in paths}
    if ends[spoken(word)] == 1:
        return short[spoken(word)]
    group = sorted(path for path in paths if spoken(path).startswith(f"{spoken(word)}."))
    if group:
        raise ValueError(f"{word!r} is a group of parameters; choose one of {', '.join(group)}.")
    return known_as(word, paths, "parameter")


def _axis(word: str, spec: Any) -> Axis | Zipped:
    name, separator, text = (part.strip() for part in word.partition("="))
    if not (name and separator and text):
        raise ValueError(f"--axis {word!r} is not an axis; write {GRAMMAR}.")
    paths = [path_of(part, spec) for part in name.split("+")]
    texts = text.split(";")
    if len(texts) != len(paths):
        raise ValueError(
            f"--axis {word!r} has {len(paths)} parameters and {len(texts)} lists of values; give one list each, with "
            f"semicolons between them."
        )
    parameters = [
        Axis(path, _values(path, part, declared(spec, path))) for path, part in zip(paths, texts, strict=True)
    ]
    return parameters[0] if len(parameters) == 1 else zipped(parameters)


def _values(path: str, text: str, kind: Any) -> tuple[Any, ...]:
    """The values of one parameter, in the order given."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) == 1:
        return tuple(_value(path, item.strip(), kind) for item in text.split(","))
    numbers = {float, int}.intersection(members(kind))
    if not numbers:
        raise ValueError(f"{path} takes {described(kind)}, so it has no ranges; list its values as {path}=A,B,C.")
    logarithmic = parts[0].lower() == "log"
    ends = parts[1:] if logarithmic else parts
    try:
        low, high, count = float(ends[0]), float(ends[1]), int(ends[2])
        _, _, _ = ends
    except (ValueError, IndexError):
        raise ValueError(
            f"{path}={text} is not a range; write LOW:HIGH:COUNT or log:LOW:HIGH:COUNT, such as {path}=log:0.01:1:20."
        ) from None
    check_count(f"values of {path}={text}", count, MOST_CELLS)
    if logarithmic and not 0 < low < math.inf:
        raise ValueError(f"{path}={text} begins at {low:g}; a logarithmic range begins above zero.")
    values = _logarithmic(low, high, count) if logarithmic else spaced(low, high, count)
    return values if float in numbers else _whole(path, text, values)


def _logarithmic(low: float, high: float, count: int) -> tuple[float, ...]:
    exponents = spaced(math.log(low), math.log(high), count) if high > 0 else spaced(low, high, count)
    # The ends stay exactly as they were typed.
    inner = [math.exp(exponent) for exponent in exponents[1:-1]]
    return (low, *inner, high)[:count] if count > 1 else (low,)


def _whole(path: str, text: str, values: tuple[float, ...]) -> tuple[int, ...]:
    rounded = tuple(round(value) for value in values)
    if len(set(rounded)) < len(rounded) or not all(map(math.isclose, values, rounded)):
        raise ValueError(
            f"{path} is a whole number, and {path}={text} has {', '.join(f'{value:.4g}' for value in values[:6])}; "
            f"choose a range that meets whole numbers only, or list them."
        )
    return rounded


def _value(path: str, word: str, kind: Any) -> Any:
    """A word as a value of the declared type."""
    if type(None) in members(kind) and word.lower() == "none":
        return None
    for member in members(kind):
        if is_choice(member):
            choices = {item.name.lower(): item for item in member}
            return choices[known_as(word, choices, f"value of {path}")]
        if member is bool and word.lower() in ("true", "false"):
            return word.lower() == "true"
        if member in (int, float):
            try:
                return member(word)
            except ValueError:
                continue
        if member is str and word:
            return word
    raise ValueError(f"{word!r} is not a value of {path}; it must be {described(kind)}.")
