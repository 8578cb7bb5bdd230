"""What is shown, as plain values: a link that restores it, and the values that were read from one. No JAX here."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ntadyn.limits import check_count
from ntadyn.sweeps.plan import Axis, spaced

# Of a map that is computed on the spot, and of what is compared.
MOST_CELLS, MOST_SEEDS, MOST_PINS = 10_000, 1_000, 3
LONGEST_LINK = 20_000

Values = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Range:
    """An axis of a map that is computed on the spot.

    Attributes:
        path: dotted path of a real parameter.
        low: its first value.
        high: its last value.
        count: number of values.
        logarithmic: whether they are spaced by factors.
    """

    path: str
    low: float
    high: float
    count: int
    logarithmic: bool = False

    def __post_init__(self):
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"{self.path} runs from {self.low:g} to {self.high:g}; give a smaller and a larger number."
            )
        if self.logarithmic and self.low <= 0:
            raise ValueError(f"{self.path} begins at {self.low:g}; steps by factors begin above zero.")
        if self.count < 2:
            raise ValueError(f"{self.path} has {self.count} values; an axis has at least 2.")
        check_count(f"values of {self.path}", self.count, MOST_CELLS)

    @property
    def axis(self) -> Axis:
        """The axis of a sweep."""
        if not self.logarithmic:
            return Axis(self.path, spaced(self.low, self.high, self.count))
        inner = spaced(math.log(self.low), math.log(self.high), self.count)[1:-1]
        return Axis(self.path, (self.low, *map(math.exp, inner), self.high))

    def __str__(self) -> str:
        scale = "log" if self.logarithmic else "lin"
        return f"{self.path}:{self.low!r}:{self.high!r}:{self.count}:{scale}"

    @classmethod
    def parsed(cls, text: str) -> "Range":
        """A range from its text.

        Raises:
            ValueError: for any other text.
        """
        try:
            path, low, high, count, scale = text.split(":")
            numbers = float(low), float(high), int(count)
            logarithmic = {"lin": False, "log": True}[scale]
        except (ValueError, KeyError):
            raise ValueError(f"{text!r} is no axis; write PATH:LOW:HIGH:COUNT:lin or ...:log.") from None
        return cls(path, *numbers, logarithmic)


@dataclass(frozen=True)
class Chosen:
    """A cell, and the parameters that were moved when it was run.

    Attributes:
        cell: its number, see `Sweep.changes`.
        moved: (dotted path, value as text) of every parameter that differs from the map.
    """

    cell: int
    moved: Values = ()

    def __str__(self) -> str:
        return ";".join([str(self.cell), *(f"{path}:{value}" for path, value in self.moved)])

    @classmethod
    def parsed(cls, text: str) -> "Chosen":
        """A chosen cell from its text.

        Raises:
            ValueError: for any other text.
        """
        number, *rest = text.split(";")
        pairs = [part.partition(":") for part in rest]
        if not number.isdecimal() or not all(colon for _, colon, _ in pairs):
            raise ValueError(f"{text!r} is no cell; write CELL or CELL;PATH:VALUE;...")
        return cls(int(number), tuple((path, value) for path, _, value in pairs))


@dataclass(frozen=True)
class View:
    """Everything that is shown.

    Attributes:
        file: name of the result file, in the folder that is served; empty for a map that is computed.
        preset: name of the preset of a map that is computed; empty for a file.
        columns: axis of the columns: a dimension of the file, or a `Range` as text; the first choice if empty.
        rows: axis of the rows, likewise.
        seeds: repetitions of a map that is computed.
        score: which score; the alignment, or the first one, if empty.
        layer: what of it is coloured, see `ntadyn.explorer.layers`.
        held: (dimension, place) of every further axis of a file.
        given: (dotted path, value as text) of every parameter in which a map that is computed differs from its preset.
        moved: likewise, of every parameter in which cells that are run differ from the map.
        cell: the cell whose trajectories are shown.
        pins: cells that are shown beside it.
        predicted: whether the lines of theory are drawn.
    """

    file: str = ""
    preset: str = ""
    columns: str = ""
    rows: str = ""
    seeds: int = 3
    score: str = ""
    layer: str = "mean"
    held: tuple[tuple[str, int], ...] = ()
    given: Values = ()
    moved: Values = ()
    cell: int | None = None
    pins: tuple[Chosen, ...] = ()
    predicted: bool = False

    def __post_init__(self):
        if self.file and self.preset:
            raise ValueError(f"a view is of the file {self.file!r} or of the preset {self.preset!r}; leave out one.")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ValueError(f"seeds is {self.seeds}; give a number from 1 to {MOST_SEEDS}.")
        if len(self.pins) > MOST_PINS:
            raise ValueError(f"{len(self.pins)} cells are pinned; at most {MOST_PINS} are.")

    def but(self, **changes: Any) -> "View":
        """The view with some of it changed."""
        return dataclasses.replace(self, **changes)

    @property
    def query(self) -> str:
        """The view as the part of a link after the question mark; what is as usual is left out."""
        usual, pairs = View(), []
        for name in ("file", "preset", "columns", "rows", "seeds", "score", "layer"):
            if getattr(self, name) != getattr(usual, name):
                pairs.append((name, str(getattr(self, name))))
        pairs += [("at", f"{name}:{place}") for name, place in self.held]
        pairs += [("with", f"{path}:{value}") for path, value in self.given]
        pairs += [("set", f"{path}:{value}") for path, value in self.moved]
        pairs += [("cell", str(self.cell))] if self.cell is not None else []
        pairs += [("pin", str(pin)) for pin in self.pins]
        pairs += [("predicted", "1")] if self.predicted else []
        return urlencode(pairs, safe=":;,")

    @classmethod
    def of_query(cls, query: str) -> "View":
        """The view of a link.

        Args:
            query: the part after the question mark, by whoever wrote it; names that are none of a view are ignored.

        Raises:
            ValueError: if it is no view.
        """
        if len(query) > LONGEST_LINK:
            raise ValueError(f"the link has {len(query):,} characters; a view has at most {LONGEST_LINK:,}.")
        pairs = parse_qsl(query.removeprefix("?"), max_num_fields=500)
        given = dict(pairs)
        values: dict[str, Any] = {
            name: given[name] for name in ("file", "preset", "columns", "rows", "score", "layer") if name in given
        }
        values |= {name: _whole(name, given[name]) for name in ("seeds", "cell") if name in given}
        values["held"] = tuple((name, _whole(f"at {name}", text)) for name, text in _pairs(pairs, "at"))
        values["given"] = tuple(_pairs(pairs, "with"))
        values["moved"] = tuple(_pairs(pairs, "set"))
        values["pins"] = tuple(Chosen.parsed(text) for name, text in pairs if name == "pin")
        values["predicted"] = given.get("predicted") == "1"
        return cls(**values)


def _pairs(pairs: list[tuple[str, str]], wanted: str) -> list[tuple[str, str]]:
    found = [text.partition(":") for name, text in pairs if name == wanted]
    if not all(name and colon and value for name, colon, value in found):
        raise ValueError(f"the link has a part {wanted!r} that is not NAME:VALUE.")
    return [(name, value) for name, _, value in found]


def _whole(name: str, text: str) -> int:
    if not (text.isdecimal() and len(text) < 10):
        raise ValueError(f"{name} is {text!r} in the link; it must be a whole number.")
    return int(text)
