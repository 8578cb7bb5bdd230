"""Where curves rise, and whether two of them rise together."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

SATURATED = 0.9


def saturation(places: NDArray[np.float64], curve: NDArray[np.float64]) -> float:
    """Where a curve has made 90 % of its way from first to last and stays above, linear between places; not a number if
    it does not rise.
    """
    if not curve[-1] > curve[0]:
        return float("nan")
    share = (curve - curve[0]) / (curve[-1] - curve[0])
    last_below = int(np.flatnonzero(share < SATURATED).max())
    before, after = share[last_below], share[last_below + 1]
    part = (SATURATED - before) / (after - before)
    return float(places[last_below] + part * (places[last_below + 1] - places[last_below]))


def first_at(places: NDArray[np.float64], curve: NDArray[np.float64], level: float) -> float:
    """The first place at which a curve is at a level; not a number if it never is."""
    reached = curve >= level
    return float(places[np.argmax(reached)]) if reached.any() else float("nan")


def rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's, over places where both are numbers; not a number for fewer than four of them."""
    both = np.isfinite(one) & np.isfinite(other)
    return float(np.asarray(stats.spearmanr(one[both], other[both]))[0]) if both.sum() > 3 else float("nan")
