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
    """What a multiplier m does to a small disturbance: |m| below, at, or above one, as far as its digits tell.

    Half-stable: |m| < 1 on this side of a border collision, with nothing on the other side that leads back.
    """

    STABLE = "stable"
    NEUTRAL = "neutral"
    UNSTABLE = "unstable"
    HALF_STABLE = "half-stable"


class Side(enum.Enum):
    """The side on which the map was differentiated.

    Where a gate is exactly zero at the start of the period, the derivative is that toward positive gates, and says
    nothing about disturbances that keep the gate from arriving. For these see the orbit to the left, without contact.
    """

    SMOOTH = "smooth"
    RIGHT = "right"
    LEFT = "left"


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


def on_both_sides(contact: Orbit, free: Orbit, within: float = WITHIN) -> tuple[Multipliers, Multipliers]:
    """The multipliers of an orbit whose gate just reaches zero, and of one next to it whose gate just does not.

    Where more directions are stable in contact than without it, the slowest of these are half-stable: a disturbance
    along them dies out on one side, and stays or grows on the other.

    Args:
        contact: an orbit with a gate that is held at the start of the period.
        free: one near it without contact, of the neutral family (`find_periodic` from there, Q a little larger).
        within: how far from one a modulus may be to count as neutral.

    Returns:
        Those to the right, in contact, and those to the left.

    Raises:
        ValueError: unless both were found, one with a held gate and one without.
    """
    if not (contact.found and free.found):
        raise ValueError(
            f"the orbits are {contact.status.value!r} and {free.status.value!r}; give two orbits that were found."
        )
    if all(contact.coordinates.free) or not all(free.coordinates.free):
        raise ValueError("give an orbit whose gate is exactly zero at the start, and then one whose gates are not.")
    right, left = multipliers(contact, within), multipliers(free, within)
    lasting = [sum(label is not Stability.STABLE for label in each.labels) for each in (right, left)]
    labels = list(right.labels)
    stable = [place for place, label in enumerate(labels) if label is Stability.STABLE]
    for place in stable[: max(0, lasting[1] - lasting[0])]:
        labels[place] = Stability.HALF_STABLE
    return right._replace(labels=tuple(labels)), left._replace(side=Side.LEFT)


def exponents(found: Multipliers, duration: float) -> Float[np.ndarray, " n"]:
    """Lyapunov exponents log|m| / T per unit of time, in falling order; minus infinity for what is forgotten in T.

    Args:
        found: multipliers of the map of one period, or of a half.
        duration: T, how long that is.

    Raises:
        ValueError: for a duration that is not positive.
    """
    if not duration > 0:
        raise ValueError(f"duration is {duration}; exponents are per unit of a positive time.")
    with np.errstate(divide="ignore"):
        return np.log(np.abs(found.values)) / duration


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
