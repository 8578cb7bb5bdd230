"""The range of cutoffs in which a coefficient does not depend on the cutoff, if there is one."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# A coefficient is free of scale if it changes by less than this many standard errors per decade of the cutoff,
CHANGE = 2.0
# and nowhere leaves the line through its values by more than this many.
OUTLIER = 3.0


@dataclass(frozen=True)
class Plateau:
    """An interval of cutoffs in which the coefficient hardly depends on the cutoff.

    A coefficient that grows like 1 / log(1 / epsilon) towards its limit, as where several zero sets cross, may pass for
    one that does not change: see how much it drifts in all.

    Attributes:
        lowest: the lowest cutoff.
        highest: the highest.
        coefficient: the slope of log V over log epsilon in the whole interval.
        error: its standard error.
        trend: by how much the coefficient still changes per decade of the cutoff.
    """

    lowest: float
    highest: float
    coefficient: float
    error: float
    trend: float

    @property
    def decades(self) -> float:
        """How many powers of ten it spans."""
        return float(np.log10(self.highest / self.lowest))

    @property
    def drift(self) -> float:
        """By how much it changes from the lowest cutoff to the highest."""
        return self.trend * self.decades

    def __str__(self) -> str:
        return (
            f"lambda = {self.coefficient:.3g} +- {self.error:.1g} for cutoffs from {self.lowest:.1e} to "
            f"{self.highest:.1e} ({self.decades:.1f} decades), where it changes by {self.trend:+.1g} per decade, "
            f"{self.drift:+.1g} in all"
        )


def longest_plateau(
    decades: Float[np.ndarray, " cutoffs"], values: Float[np.ndarray, " cutoffs"], errors: Float[np.ndarray, " cutoffs"]
) -> tuple[int, int, float] | None:
    """The longest interval of a decade or more in which values change by less than 2 errors per decade.

    That is the slope of the line through them; none of them may lie further than 3 errors from that line.

    Args:
        decades: log10 of the cutoffs, ascending.
        values: at each.
        errors: of the values.

    Returns:
        The index of its first and of its last cutoff, and the change per decade; None if there is no such interval.
    """
    pairs = [(i, j) for i in range(decades.size) for j in range(i + 2, decades.size)]
    for i, j in sorted(pairs, key=lambda pair: decades[pair[0]] - decades[pair[1]]):
        if decades[j] - decades[i] < 1 - 1e-9:
            return None
        x, y, error = decades[i : j + 1], values[i : j + 1], errors[i : j + 1]
        trend, start = np.polyfit(x - x[0], y, 1)
        away = np.abs(y - start - trend * (x - x[0]))
        if abs(trend) < CHANGE * np.mean(error) and np.all(away < OUTLIER * error):
            return i, j, float(trend)
    return None
