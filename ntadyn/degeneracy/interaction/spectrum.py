"""Singular values, the rank they are cut at, and how clear the cut is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Spectrum:
    """Singular values of a matrix.

    Attributes:
        values: in descending order.
        rank: how many are counted.
    """

    values: NDArray[np.float64]
    rank: int

    @classmethod
    def cut(cls, values: NDArray[np.float64], tolerance: float) -> "Spectrum":
        """Values above a tolerance times the largest one count."""
        return cls(values, int(np.sum(values > tolerance * np.max(values, initial=0.0))))

    @property
    def gap(self) -> float:
        """The last value that counts by the first that does not: how clear the rank is; infinite without both."""
        if not 0 < self.rank < self.values.size or self.values[self.rank] == 0:
            return float("inf")
        return float(self.values[self.rank - 1] / self.values[self.rank])


def runs(strengths: NDArray[np.float64], gap: float) -> list[tuple[int, ...]]:
    """Clusters of values that are closer to their neighbours than a gap times the largest one.

    Args:
        strengths: in descending order.
        gap: 0 makes every value a cluster of its own.

    Returns:
        Maximal runs of indices, those of a single value included.
    """
    found: list[list[int]] = []
    for index, value in enumerate(strengths):
        if index and strengths[index - 1] - value < gap * strengths[0]:
            found[-1].append(index)
        else:
            found.append([index])
    return [tuple(each) for each in found]
