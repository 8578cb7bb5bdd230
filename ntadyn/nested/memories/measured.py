"""Which form to use when nobody says: looked up in a table of measured times, never timed while a program runs.

The table beside this file is written by `tests/benchmarks/memory_forms.py`. Its ratios are times over the time of the
loop over tokens, in single precision on a CPU of two cores; other machines may differ, and take a form by name.
"""

import csv
import dataclasses
import functools
import math
from importlib import resources
from typing import Any

from ntadyn.nested.memories.chunked import Chunked, Parallel
from ntadyn.nested.memories.forms import AbstractForm, Recurrent
from ntadyn.nested.memories.linear import AbstractLinearRule
from ntadyn.nested.memories.rule import AbstractRule

TABLE = "measured_forms.csv"
_WHOLE = ("length", "width", "batch", "chunk")


@dataclasses.dataclass(frozen=True)
class Problem:
    """The size of what is computed.

    Attributes:
        length: tokens.
        width: of keys and of values.
        batch: samples, mapped over.
    """

    length: int
    width: int
    batch: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeasuredForm(Problem):
    """What one form took on one size of problem; NaN for what was not measured.

    Attributes:
        erases: whether the rule erases, `AbstractLinearRule.erases`; rules that agree in this cost the same.
        chunk: tokens of a chunk; 1 for `Recurrent`, all of them for `Parallel`.
        forward_compile: seconds to compile writes and reads.
        forward_run: seconds to run them, the median of several.
        forward_ratio: the median ratio of that to the time of `Recurrent` beside it.
        gradient_compile: seconds to compile the gradient of the answers by keys, values, rates, queries and state.
        gradient_run: seconds to run it, forward pass included.
        gradient_ratio: as `forward_ratio`.
    """

    erases: bool
    chunk: int
    forward_compile: float = math.nan
    forward_run: float = math.nan
    forward_ratio: float = math.nan
    gradient_compile: float = math.nan
    gradient_run: float = math.nan
    gradient_ratio: float = math.nan

    @property
    def form(self) -> AbstractForm:
        """The form that was measured."""
        if self.chunk == 1:
            return Recurrent()
        return Parallel() if self.chunk == self.length else Chunked(self.chunk)


@functools.cache
def measured_forms() -> tuple[MeasuredForm, ...]:
    """The rows of the table."""
    text = resources.files("ntadyn.nested.memories").joinpath(TABLE).read_text(encoding="utf-8")
    return tuple(_measured(row) for row in csv.DictReader(text.splitlines()))


def default_form(rule: AbstractRule, length: int, width: int) -> AbstractForm:
    """The form with the smallest measured ratio, the geometric mean over batch sizes, with gradients.

    Looked up at the measured size that is nearest in the logarithms of length and width.

    Args:
        rule: of the memory; `Recurrent` is the only form of those that are not linear.
        length: tokens in a sequence.
        width: the larger size of keys and values.
    """
    if not isinstance(rule, AbstractLinearRule):
        return Recurrent()
    rows = [row for row in measured_forms() if row.erases == rule.erases]

    def distance(row: MeasuredForm) -> float:
        return math.hypot(math.log(max(length, 1) / row.length), math.log(max(width, 1) / row.width))

    nearest = min(rows, key=distance)
    ratios: dict[int, list[float]] = {}
    for row in rows:
        if (row.length, row.width) == (nearest.length, nearest.width):
            ratios.setdefault(row.chunk, []).append(math.log(row.gradient_ratio))
    chunk = min(ratios, key=lambda chunk: sum(ratios[chunk]) / len(ratios[chunk]))
    return dataclasses.replace(nearest, chunk=chunk).form


def _measured(row: dict[str, str]) -> MeasuredForm:
    numbers: dict[str, Any] = {name: float(word) for name, word in row.items() if name not in ("erases", *_WHOLE)}
    whole = {name: int(row[name]) for name in _WHOLE}
    return MeasuredForm(erases=row["erases"] == "True", **whole, **numbers)
