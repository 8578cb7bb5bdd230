"""Multipliers of orbits, how many of their digits are left, and what a kink does to a tangent."""

import enum
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from ntadyn.stability.periodic import Orbit
from ntadyn.stability.plane import Numbers

# Multipliers whose modulus is within this distance of one, or within what rounding leaves, count as neutral.
WITHIN = 1e-6


class Stability(enum.Enum):
    """What a multiplier m does to a small disturbance: |m| below, at, or above one, as far as its digits tell."""

    STABLE = "stable"
    NEUTRAL = "neutral"
    UNSTABLE = "unstable"


class Side(enum.Enum):
    """The side on which the map was differentiated.

    Where a gate is exactly zero at the start of the period, the derivative is that toward positive gates, and says
    nothing about disturbances that keep the gate from arriving.
    """

    SMOOTH = "smooth"
    RIGHT = "right"


class Multipliers(NamedTuple):
    """Eigenvalues of the derivative of a stroboscopic map at an orbit.

    Attributes:
        values: in falling order of modulus.
        labels: what each does.
        rapidity: Theta = log |H'|, of which the multipliers of an orbit know little: they may all be of modulus one.
        rounding: eps e^(2 Theta), by which eigenvalues may be wrong.
        digits_lost: log10 e^(2 Theta).
        side: on which the map was differentiated.
    """

    values: Complex[np.ndarray, " n"]
    labels: tuple[Stability, ...]
    rapidity: float
    rounding: float
    digits_lost: float
    side: Side

    @property
    def num_unstable(self) -> int:
        """How many directions grow."""
        return sum(label is Stability.UNSTABLE for label in self.labels)


def multipliers(orbit: Orbit, within: float = WITHIN) -> Multipliers:
    """The multipliers of an orbit, from the derivative with which it was found.

    Args:
        orbit: from `periodic.find_periodic`.
        within: how far from one a modulus may be to count as neutral; rounding may leave less.
    """
    side = Side.SMOOTH if all(orbit.coordinates.free) else Side.RIGHT
    return multipliers_of(orbit.jacobian, side, within)


def multipliers_of(jacobian: Float[np.ndarray, "n n"], side: Side = Side.SMOOTH, within: float = WITHIN) -> Multipliers:
    """The multipliers of any derivative of a map.

    Args:
        jacobian: H'.
        side: on which it was taken.
        within: how far from one a modulus may be to count as neutral.
    """
    values = np.linalg.eigvals(jacobian).astype(complex)
    values = values[np.argsort(-np.abs(values), kind="stable")]
    rapidity = max(0.0, math.log(np.linalg.norm(jacobian, 2)))
    rounding = float(np.finfo(float).eps) * math.exp(2 * rapidity)
    bound = max(within, rounding)
    labels = tuple(_label(abs(value) - 1, bound) for value in values.tolist())
    return Multipliers(values, labels, rapidity, rounding, 2 * rapidity / math.log(10), side)


def extrapolated(coarse: Numbers, fine: Numbers, order: int = 2) -> Numbers:
    """(2^p f - c) / (2^p - 1): what a quantity tends to whose error falls as h^p, from steps h and h/2."""
    weight = 2**order
    return (weight * fine - coarse) / (weight - 1)


def saltation(
    before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"], normal: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n n"]:
    """Sigma = 1 + (f+ - f-) n^T / (n . f-): what a kink of the field does to a tangent that crosses it.

    Where a gate arrives at zero and is held, f+ has no component along n and Sigma sets that of the tangent to zero;
    where it crosses, Sigma scales it by the ratio of velocities; at a release the field is continuous and Sigma is 1.

    Args:
        before: f-, the field before the surface.
        after: f+, the field after it.
        normal: n, the gradient of the function that is zero on the surface.

    Raises:
        ValueError: for a field along the surface, which does not cross it (a grazing orbit has no derivative there).
    """
    speed = float(normal @ before)
    if speed == 0:
        raise ValueError("the field runs along the surface; a grazing orbit has no saltation matrix.")
    return np.eye(len(normal)) + np.outer(after - before, normal) / speed


def _label(excess: float, bound: float) -> Stability:
    if abs(excess) <= bound:
        return Stability.NEUTRAL
    return Stability.UNSTABLE if excess > 0 else Stability.STABLE
