"""Three regimes of a trajectory, by stated thresholds on how much the paths differ, and failures beside them."""

import enum
import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int, Shaped

from ntadyn.maps.repetitions import codes, successful_values


class Regime(enum.IntEnum):
    """What became of a trajectory; the numbers are the order in tables."""

    SPECIALISED = 0
    MIXED = 1
    FORGETFUL = 2
    FAILED = 3


REGIME_NAMES = tuple(regime.name.lower() for regime in Regime)


@dataclass(frozen=True)
class Thresholds:
    """Where the regimes end, on the contrast: matched minus mismatched similarity over the last two blocks.

    A specialised network keeps one path for each teacher: contrast near 1. In a forgetful one all paths follow the
    present teacher, or sit between the teachers, alike: whichever path is matched, the others fit as well, and the
    contrast is near 0. So it is in a network that has not learned at all; the loss tells these two apart. Between two
    orthogonal teachers, paths turned away from theirs by the angle phi have contrast cos(phi) - sin(phi): the default
    thresholds are phi = 24 degrees, where the similarity is 0.91, and phi = 41 degrees, 4 degrees short of no
    difference at all. Similarities are signed: a path that holds minus its teacher behind a negative gate lowers the
    contrast. Teachers with a cosine of rho limit the contrast to 1 - rho and need lower thresholds.

    Attributes:
        specialised: smallest contrast of a specialised trajectory.
        forgetful: largest contrast of a forgetful one; what lies between the two is mixed.
    """

    specialised: float = 0.5
    forgetful: float = 0.1

    def __post_init__(self):
        if not (math.isfinite(self.specialised) and -1 <= self.forgetful < self.specialised <= 1):
            raise ValueError(
                f"thresholds are forgetful = {self.forgetful} and specialised = {self.specialised}; choose "
                f"-1 <= forgetful < specialised <= 1."
            )

    def __str__(self) -> str:
        return f"specialised: contrast >= {self.specialised:g}, forgetful: <= {self.forgetful:g}, mixed: between"


THRESHOLDS = Thresholds()


def classify(
    contrast: Float[np.ndarray, "*shape"],
    result: Shaped[np.ndarray, "*shape"],
    thresholds: Thresholds = THRESHOLDS,
) -> Int[np.ndarray, "*shape"]:
    """The regime of every trajectory.

    Args:
        contrast: one number per trajectory.
        result: result codes, 0 where the trajectory succeeded.
        thresholds: where the regimes end.

    Returns:
        Numbers of `Regime`; FAILED wherever the code is not 0 or the contrast is not finite.
    """
    regime = np.full(contrast.shape, int(Regime.MIXED))
    regime[contrast >= thresholds.specialised] = Regime.SPECIALISED
    regime[contrast <= thresholds.forgetful] = Regime.FORGETFUL
    regime[(result != 0) | ~np.isfinite(contrast)] = Regime.FAILED
    return regime


def soft_score(
    contrast: Float[np.ndarray, "*shape"],
    thresholds: Thresholds = THRESHOLDS,
) -> Float[np.ndarray, "*shape"]:
    """(contrast - forgetful)/(specialised - forgetful), cut to [0, 1].

    0 is forgetful, 1 is specialised, and what lies between is mixed: the regimes without their jumps.

    Args:
        contrast: one number per trajectory.
        thresholds: where the regimes end.

    Returns:
        The score; NaN where the contrast is.
    """
    width = thresholds.specialised - thresholds.forgetful
    return np.clip((contrast - thresholds.forgetful) / width, 0.0, 1.0)


def regime_fractions(
    dataset: xr.Dataset,
    thresholds: Thresholds = THRESHOLDS,
) -> Float[np.ndarray, "*cells regimes"]:
    """Share of repetitions in each regime, in every cell.

    Args:
        dataset: a sweep.
        thresholds: where the regimes end.

    Returns:
        Shape (axes..., 4) in the order of `Regime`; failed repetitions are a class of their own, so that the four add
        up to one, or to zero in cells that were not run.

    Raises:
        ValueError: if the sweep did not keep the contrast.
    """
    contrast = successful_values(dataset, "contrast")
    run = codes(dataset) >= 0
    regime = classify(contrast, np.zeros(contrast.shape, int), thresholds)
    number = np.maximum(run.sum(axis=-1), 1)
    return np.stack([np.sum((regime == code) & run, axis=-1) / number for code in Regime], axis=-1)
