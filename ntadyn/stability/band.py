"""Neutral orbits in the limit of a hard norm, the band of those whose gates reach zero, and where it closes.

With C = 1 and D along A - B, the orbits through both blocks are, for numbers q >= 0 and u_0,

    dc = sqrt(q) sinh phi,   |D| = kappa sqrt(q) cosh phi,   phi' = (+-l - y)/s,
    y = 1/2 [kappa phi + u_0 + kappa q sinh phi cosh phi],

with q = Q/kappa^2 conserved: all of them are neutral while |dc| < 1. Where a gate reaches zero, Q climbs. So the flow
climbs through the band of q in which it does, and stays at its upper end: that is the specialised orbit.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from ntadyn.stability.plane import Numbers, TeacherPlane

# Nodes of Gauss's quadrature of a half swing.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)
NEWTON_STEPS, PRECISION = 200, 1e-14
# Where the largest swing of gates is sought: q in powers of e.
LOG_LOWEST, LOG_HIGHEST = math.log(1e-12), math.log(1e8)


class ContactBand(NamedTuple):
    """The orbits whose gates reach zero: those with low < q < high; NaN where there are none."""

    low: float
    high: float


class BandFold(NamedTuple):
    """Where the band closes: at the gate time constant tau_c*, where its ends meet at q."""

    gates: float
    q: float


def half_swing(plane: TeacherPlane, q: float) -> float:
    """phi_m(q): the symmetric orbit (u_0 = 0) flows from -phi_m to phi_m in one block.

    Args:
        plane: one cell; its blocks may last for ever.
        q: Q/kappa^2, zero or positive.

    Raises:
        ValueError: for a negative q, or a plane of more than one cell.
    """
    _check_one(plane)
    if not (q >= 0 and math.isfinite(q)):
        raise ValueError(f"q is {q}; it must be zero or positive, and finite.")
    if math.isinf(plane.block_duration):
        return float(angle_at(plane, q, plane.half_distance))
    # The time is concave in z: from zero, Newton's method climbs to the root without passing it.
    z: float = 0.0
    for _ in range(NEWTON_STEPS):
        slope = float(slope_at(plane, q, angle_at(plane, q, plane.half_distance * math.tanh(z))))
        step = float((plane.block_duration - _duration(plane, q, z)) * slope / (2 * plane.exchange))
        z += step
        if abs(step) <= PRECISION * (1 + z):
            break
    return float(angle_at(plane, q, plane.half_distance * math.tanh(z)))


def gate_swing(plane: TeacherPlane, q: float) -> float:
    """G(q) = sqrt(q) sinh phi_m(q): the largest |c_1 - c_2| of an orbit; a gate reaches zero where it exceeds 1."""
    return math.sqrt(q) * math.sinh(half_swing(plane, q))


def contact_time(plane: TeacherPlane, q: float) -> float:
    """How long the symmetric orbit flows from dc = -1 to dc = 1; infinite if it comes to rest before.

    G(q) > 1 where it is shorter than a block.

    Args:
        plane: one cell, whose own block duration has no effect.
        q: Q/kappa^2, positive.
    """
    _check_one(plane)
    share = _end(plane, q) / plane.half_distance
    return _duration(plane, q, math.atanh(share)) if share < 1 else math.inf


def contact_band(plane: TeacherPlane) -> ContactBand:
    """The interval of q in which G(q) > 1.

    Args:
        plane: one cell; its blocks may last for ever.

    Raises:
        ValueError: for gates so fast that the band begins below what is resolved.
    """
    top = _fastest(plane)
    if not _margin(plane, top) > 0:
        return ContactBand(math.nan, math.nan)
    if _margin(plane, LOG_LOWEST) > 0:
        raise ValueError(
            f"with gates = {plane.gates:g} and blocks of {plane.block_duration:g} the contact band begins below q = "
            f"{math.exp(LOG_LOWEST):.0e}, where it is not sought. Take slower gates, or shorter blocks."
        )
    low, high = (_root(lambda log_q: _margin(plane, log_q), top, far) for far in (LOG_LOWEST, LOG_HIGHEST))
    return ContactBand(math.exp(low), math.exp(high))


def specialised_distance(plane: TeacherPlane) -> float:
    """|D|_S = kappa sqrt(1 + q_high): the distance of the paths in the specialised orbit, where one gate is zero.

    NaN where there is no band, and hence no such orbit.
    """
    return float(plane.kappa * math.sqrt(1 + contact_band(plane).high))


def band_fold(plane: TeacherPlane) -> BandFold:
    """The gate time constant above which no symmetric orbit reaches zero: max_q G(q) = 1.

    For blocks that last for ever, tau_c* = tau_W (2l / (asinh 1 + sqrt 2))^2, at q = 1.

    Args:
        plane: one cell, whose own gate time constant has no effect.
    """
    if math.isinf(plane.block_duration):
        _check_one(plane)
        kappa = 2 * plane.half_distance / (math.asinh(1) + math.sqrt(2))
        return BandFold(float(plane.weights * kappa**2), 1.0)

    def over(log_gates: float) -> float:
        cell = dataclasses.replace(plane, gates=math.exp(log_gates))
        return _margin(cell, _fastest(cell))

    high = math.log(band_fold(dataclasses.replace(plane, block_duration=math.inf)).gates) + PRECISION
    low = high - 1
    while over(low) < 0:
        low -= 1
    gates = math.exp(_root(over, low, high))
    return BandFold(gates, math.exp(_fastest(dataclasses.replace(plane, gates=gates))))


def _fastest(plane: TeacherPlane) -> float:
    """Log q of the orbit that takes the shortest time from dc = -1 to dc = 1, if any does."""

    def reaches(log_q: float) -> float:
        return float(plane.half_distance - _end(plane, math.exp(log_q)))

    if not reaches(0.0) > 0:
        return 0.0  # where orbits come to rest last
    low, high = (far if reaches(far) > 0 else _root(reaches, 0.0, far) for far in (LOG_LOWEST, LOG_HIGHEST))
    found = minimize_scalar(
        lambda log_q: -1 / contact_time(plane, math.exp(log_q)),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(found.x)


def _root(function: Callable[[float], float], one: float, other: float) -> float:
    """A root between two places, by Brent's method, to rounding."""
    low, high = sorted((one, other))
    return brentq(function, low, high, xtol=PRECISION, rtol=4 * PRECISION)  # pyright: ignore[reportReturnType, reportArgumentType]


def _margin(plane: TeacherPlane, log_q: float) -> float:
    """Positive where a gate reaches zero, and zero at the ends of the band."""
    q = math.exp(log_q)
    if math.isinf(plane.block_duration):
        return float(plane.half_distance - _end(plane, q))
    return 1 / contact_time(plane, q) - 1 / float(plane.block_duration)


def _end(plane: TeacherPlane, q: float) -> float:
    """Y at dc = 1, kappa/2 (asinh(1/sqrt q) + sqrt(1 + q)): least at q = 1."""
    return float(0.5 * plane.kappa * (math.asinh(1 / math.sqrt(q)) + math.sqrt(1 + q)))


def _duration(plane: TeacherPlane, q: float, z_m: float) -> float:
    """2 s int_0^z_m dz / y'(phi), with y = l tanh z: how long the swing takes that ends at z_m.

    The part that grows without bound is taken out; what is left is smooth in v = 1 - e^(-2z), for Gauss's rule.
    """
    at_rest = float(slope_at(plane, q, angle_at(plane, q, plane.half_distance)))
    whole = -math.expm1(-2 * z_m)
    v = 0.5 * whole * (1 + NODES)
    slope = slope_at(plane, q, angle_at(plane, q, plane.half_distance * v / (2 - v)))
    smooth = 0.5 * whole * np.sum(WEIGHTS * (1 / slope - 1 / at_rest) / (2 * (1 - v)))
    return float(2 * plane.exchange * (z_m / at_rest + smooth))


def slope_at(plane: TeacherPlane, q: float, phi: Numbers) -> Numbers:
    """y'(phi) = kappa/2 (1 + q cosh 2 phi)."""
    return 0.5 * plane.kappa * (1 + q * np.cosh(2 * phi))


def angle_at(plane: TeacherPlane, q: float, y: Numbers) -> Numbers:
    """Phi with 1/2 kappa (phi + q sinh phi cosh phi) = y >= 0: it rises ever faster, so Newton's method comes down."""
    target = 2 * y / plane.kappa
    phi = np.minimum(target, 0.5 * np.arcsinh(2 * target / max(q, 1e-300)))
    for _ in range(NEWTON_STEPS):
        step = (phi + 0.5 * q * np.sinh(2 * phi) - target) / (1 + q * np.cosh(2 * phi))
        phi = phi - step
        if np.all(np.abs(step) <= PRECISION * (1 + phi)):
            break
    return phi


def _check_one(plane: TeacherPlane) -> None:
    if plane.shape != ():
        raise ValueError(f"the band is that of one cell; got a plane of the shape {plane.shape}. Take it cell by cell.")
