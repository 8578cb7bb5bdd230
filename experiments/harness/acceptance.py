"""A number that an experiment must show: what is expected and who says so, what came out, how far apart they may be."""

import enum
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

HEADING = ("quantity", "compared with", "expected", "tolerance", "measured", "sd over seeds", "verdict")
UNKNOWN = "not said"  # whose number it is, in results from before that was written down
STATED = "outside, stated"  # in the place of a verdict, for a miss that the text about the experiment states


class Verdict(enum.Enum):
    """Whether a number came out as expected."""

    PASSED = "passed"
    OUTSIDE = "OUTSIDE"
    REPORTED = "reported"


@dataclass(frozen=True)
class Measurement:
    """A number and what is behind it.

    Attributes:
        value: the number.
        spread: standard deviation over repetitions, or None for a number without repetitions.
        seeds: the number of repetitions, or None.
    """

    value: float
    spread: float | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class Acceptance:
    """One row of a table; made by `near`, `between`, `at_least`, `at_most` or `reported`.

    Attributes:
        name: what is measured.
        expected: a value, an interval whose ends may be infinite, or None where nothing is demanded.
        measured: what came out.
        source: whose number it is compared with, see `experiments.harness.sources`; only a row that demands nothing may
            do without.
        tolerance: how far outside `expected` it may lie.
        note: what else to know about either number.
    """

    name: str
    expected: float | tuple[float, float] | None
    measured: Measurement
    source: str = ""
    tolerance: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        if self.expected is not None and not self.source:
            raise ValueError(
                f"{self.name!r} is compared with {self.expected}, but it is not said whose number that is."
            )

    @property
    def verdict(self) -> Verdict:
        """PASSED within the tolerance; OUTSIDE beyond it and for NaN; REPORTED where nothing is expected."""
        if self.expected is None:
            return Verdict.REPORTED
        low, high = self.expected if isinstance(self.expected, tuple) else (self.expected, self.expected)
        # A bar of 0.02 is meant to hold a difference of 0.02, which rounding can make longer.
        slack = self.tolerance + 1e-12
        return Verdict.PASSED if low - slack <= self.measured.value <= high + slack else Verdict.OUTSIDE

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Acceptance":
        """The row that `as_record` turned into this."""
        expected = record["expected"]
        if isinstance(expected, list):
            low, high = expected
            expected = (-math.inf if low is None else low, math.inf if high is None else high)
        measured = Measurement(float(record["measured"]), record["spread"], record["seeds"])
        source = record.get("source") or ("" if expected is None else UNKNOWN)
        return cls(record["name"], expected, measured, source, record["tolerance"], record["note"])

    def as_record(self) -> dict[str, object]:
        """The row as plain values for JSON, in which an infinite end of an interval is null and NaN is text."""
        expected = self.expected
        interval = isinstance(expected, tuple)
        return {
            "name": self.name,
            "source": self.source,
            "expected": [_plain(end, None) for end in expected] if interval else _plain(expected, None),
            "measured": _plain(self.measured.value, str(self.measured.value)),
            "tolerance": self.tolerance,
            "verdict": self.verdict.name,
            "spread": _plain(self.measured.spread, None),
            "seeds": self.measured.seeds,
            "note": self.note,
        }


def single(value: float | np.floating) -> Measurement:
    """A number without repetitions."""
    return Measurement(float(value))


def mean_of(values: Sequence[float] | np.ndarray) -> Measurement:
    """The mean over repetitions."""
    return _over_seeds(values, np.mean)


def median_of(values: Sequence[float] | np.ndarray) -> Measurement:
    """The median over repetitions, which a few that never specialise do not move."""
    return _over_seeds(values, np.median)


def near(
    name: str, expected: float, tolerance: float, measured: Measurement, source: str, note: str = ""
) -> Acceptance:
    """|measured - expected| <= tolerance."""
    return Acceptance(name, expected, measured, source, tolerance, note)


def furthest(
    name: str, expected: ArrayLike, tolerance: float, measured: ArrayLike, source: str, note: str = ""
) -> Acceptance:
    """`near` for the entry that is furthest from what is expected; NaN is further than anything.

    Args:
        name: what is compared.
        expected: broadcast against `measured`.
        tolerance: for every entry.
        measured: what came out, any shape.
        source: whose numbers are expected.
        note: what else to know.

    Returns:
        One row; all other entries are closer.
    """
    expected, measured = np.broadcast_arrays(np.asarray(expected, float), np.asarray(measured, float))
    worst = np.unravel_index(np.argmax(np.abs(measured - expected)), measured.shape)
    return near(name, float(expected[worst]), tolerance, single(measured[worst]), source, note)


def between(
    name: str,
    interval: tuple[float, float],
    measured: Measurement,
    source: str,
    tolerance: float = 0.0,
    note: str = "",
) -> Acceptance:
    """Low - tolerance <= measured <= high + tolerance."""
    return Acceptance(name, interval, measured, source, tolerance, note)


def at_least(
    name: str, low: float, measured: Measurement, source: str, tolerance: float = 0.0, note: str = ""
) -> Acceptance:
    """Measured >= low - tolerance."""
    return Acceptance(name, (low, math.inf), measured, source, tolerance, note)


def at_most(
    name: str, high: float, measured: Measurement, source: str, tolerance: float = 0.0, note: str = ""
) -> Acceptance:
    """Measured <= high + tolerance."""
    return Acceptance(name, (-math.inf, high), measured, source, tolerance, note)


def reported(name: str, measured: Measurement, note: str = "") -> Acceptance:
    """A number to know, of which nothing is demanded."""
    return Acceptance(name, None, measured, note=note)


def all_accepted(rows: Sequence[Acceptance]) -> bool:
    """Whether no row is outside its tolerance."""
    return all(row.verdict is not Verdict.OUTSIDE for row in rows)


def table(rows: Sequence[Acceptance], stated: Container[str] = ()) -> str:
    """The rows as aligned text.

    Args:
        rows: what to print, in order.
        stated: names of rows whose miss is stated.

    Returns:
        One line per row under a heading; notes are left to the JSON file.
    """
    lines = [HEADING, *(cells(row, row.name in stated) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADING))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def cells(row: Acceptance, stated: bool = False) -> tuple[str, ...]:
    """The texts of a row under HEADING; `stated` says whether a miss of this row is."""
    tolerance = f"{row.tolerance:.3g}" if row.expected is not None and row.tolerance else ""
    count = "" if row.measured.seeds is None else f"(n = {row.measured.seeds})"
    spread = count if row.measured.spread is None else f"{row.measured.spread:.2g} {count}"
    verdict = STATED if stated and row.verdict is Verdict.OUTSIDE else row.verdict.value
    expected = _expectation(row.expected)
    return row.name, row.source or "-", expected, tolerance, f"{row.measured.value:.4g}", spread, verdict


def _expectation(expected: float | tuple[float, float] | None) -> str:
    if expected is None:
        return "-"
    if not isinstance(expected, tuple):
        return f"{expected:.4g}"
    low, high = expected
    if math.isinf(high):
        return f">= {low:.4g}"
    return f"<= {high:.4g}" if math.isinf(low) else f"{low:.4g} .. {high:.4g}"


def _over_seeds(values: Sequence[float] | np.ndarray, summary) -> Measurement:
    array = np.asarray(values, np.float64).ravel()
    # One repetition has no spread, and one that never reached a threshold makes the spread meaningless.
    known = len(array) > 1 and bool(np.all(np.isfinite(array)))
    return Measurement(float(summary(array)), float(np.std(array, ddof=1)) if known else None, len(array))


def _plain(number: float | None, otherwise: str | None) -> float | str | None:
    return float(number) if number is not None and math.isfinite(number) else otherwise
