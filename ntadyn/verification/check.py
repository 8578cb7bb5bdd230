"""One row of the table: what should have come out, what did, and whether that is close enough."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from ntadyn.simulation.adaptive import Adaptive
from ntadyn.simulation.outcome import RESULTS, Trajectory

TIGHT = Adaptive(rtol=1e-10, atol=1e-12)
# A step may err by rtol times the state; a hundred such errors in one direction are more than any run here collects.
TIGHT_BAR = 100 * TIGHT.rtol
ROUNDING = 1e-12  # of numbers of order one, in double precision, after many operations


@dataclass(frozen=True)
class Check:
    """One number that was compared.

    Attributes:
        name: what it is.
        expected: the value by theory or publication.
        measured: the value found.
        error: |measured - expected|, at the place where it is largest if many were compared; NaN if a run failed.
        bar: the largest error allowed.
    """

    name: str
    expected: float
    measured: float
    error: float
    bar: float

    @property
    def passed(self) -> bool:
        """Error <= bar, which is false for NaN."""
        return self.error <= self.bar


def compare(name: str, expected: ArrayLike, measured: ArrayLike, bar: float) -> Check:
    """The row of the entry where measured and expected are furthest apart; NaN counts as furthest.

    Args:
        name: what is compared.
        expected: by theory, broadcast against `measured`.
        measured: what came out, any shape.
        bar: the largest difference allowed.

    Returns:
        One row.
    """
    expected, measured = np.broadcast_arrays(np.asarray(expected, float), np.asarray(measured, float))
    error = np.abs(measured - expected)
    worst = np.unravel_index(np.argmax(error), error.shape)
    return Check(name, float(expected[worst]), float(measured[worst]), float(error[worst]), float(bar))


def table(sections: dict[str, list[Check]]) -> Iterator[str]:
    """Lines of aligned columns, at most 100 characters wide, with a heading per section.

    Args:
        sections: rows by title.

    Yields:
        One line at a time. Numbers carry one digit more than their bar, and at most nine.
    """
    yield f"{'':50} {'expected':>12} {'measured':>12} {'error':>7} {'bar':>5}  verdict"
    for title, rows in sections.items():
        yield ""
        yield title
        for row in rows:
            digits = min(max(1 - math.floor(math.log10(row.bar)), 2), 9)
            # z: no minus in front of a number that is zero to these digits.
            numbers = f"{row.expected:z12.{digits}f} {row.measured:z12.{digits}f} {row.error:7.1e} {row.bar:5.0e}"
            yield f"  {row.name:48} {numbers}  {'ok' if row.passed else 'FAILED'}"


def trusted(trajectory: Trajectory) -> dict[str, Any]:
    """What was recorded, with NaN in place of every run that did not end successfully.

    Args:
        trajectory: one run, or a batch of them along leading axes.

    Returns:
        Its values as numpy arrays.
    """
    succeeded = np.asarray(trajectory.result == RESULTS.successful)

    def mask(leaf):
        values = np.asarray(leaf)
        return np.where(succeeded.reshape(succeeded.shape + (1,) * (values.ndim - succeeded.ndim)), values, np.nan)

    return jax.tree.map(mask, trajectory.values)
