"""The plane (c_1 - c_2, D_e): what gates and weights do to each other while W^1 + W^2 is given, and the exact orbit.

With C = c_1 + c_2 fixed and D = W^1 - W^2 along A - B, a task moves the plane along hyperbolas of constant Q,

    tau_c dc' = D_e E_e,   tau_W D_e' = dc E_e,   E_e = +-l - (C U_e + dc D_e)/2,

to where the error along A - B is gone, E_e = 0, which is one nullcline for both. As U_e follows, that line recedes.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.integrate import cumulative_simpson

from ntadyn.stability.band import angle_at, half_swing, slope_at
from ntadyn.stability.plane import Numbers, TeacherPlane, check_blocks


class NeutralOrbit(NamedTuple):
    """One block of task A on the orbit of a given q with u_0 = 0; the next one runs backwards.

    Attributes:
        time: since the start of the block, shape (points,).
        lead: c_1 - c_2 = sqrt(q) sinh phi, from -G(q) to G(q).
        along: D_e = kappa sqrt(q) cosh phi.
        shared: U_e = kappa phi.
    """

    time: Float[np.ndarray, " t"]
    lead: Float[np.ndarray, " t"]
    along: Float[np.ndarray, " t"]
    shared: Float[np.ndarray, " t"]


def error_along(
    plane: TeacherPlane, task: int, shared: Numbers, lead: Numbers, along: Numbers, total: float = 1.0
) -> Numbers:
    """E_e = +-l - (C U_e + dc D_e)/2, plus for task A, 0.

    Args:
        plane: one cell.
        task: 0 for A, 1 for B.
        shared: U_e.
        lead: dc.
        along: D_e.
        total: C.

    Raises:
        ValueError: for another task.
    """
    if task not in (0, 1):
        raise ValueError(f"task is {task}; it must be 0 (A) or 1 (B).")
    return (plane.half_distance if task == 0 else -plane.half_distance) - 0.5 * (total * shared + lead * along)


def field(
    plane: TeacherPlane, task: int, shared: Numbers, lead: Numbers, along: Numbers, total: float = 1.0
) -> tuple[Numbers, Numbers]:
    """(dc', D_e') while both gates are positive, |dc| < C.

    Args: see `error_along`.
    """
    error = error_along(plane, task, shared, lead, along, total)
    return along * error / plane.gates, lead * error / plane.weights


def nullcline(
    plane: TeacherPlane, task: int, shared: float, lead: Float[np.ndarray, " n"], total: float = 1.0
) -> Float[np.ndarray, " n"]:
    """D_e = (+-2 l - C U_e)/dc, where the error is gone and both rest; at dc = 0 there is none.

    D_e rests on dc = 0 as well, and dc on D_e = 0.

    Args: see `error_along`.
    """
    gone = error_along(plane, task, shared, 0.0, 0.0, total)
    return 2 * gone / np.where(lead == 0, np.nan, lead)


def neutral_orbit(plane: TeacherPlane, q: float, points: int = 201) -> NeutralOrbit:
    """The orbit of q with u_0 = 0 through one block of A: phi runs from -phi_m to phi_m.

    In z = artanh(y/l) time is smooth, dt = s (1 + tanh z) dz / y'(phi).

    Args:
        plane: one cell, whose blocks end.
        q: Q/kappa^2, positive.
        points: how many, odd.

    Raises:
        ValueError: for an infinite block, or a q that is not positive.
    """
    check_blocks(plane)
    if not (q > 0 and math.isfinite(q)):
        raise ValueError(f"q is {q}; it must be positive and finite.")
    kappa, far = float(plane.kappa), float(plane.half_distance)
    end = half_swing(plane, q)
    z_m = math.atanh(0.5 * kappa * (end + 0.5 * q * math.sinh(2 * end)) / far)
    z = np.linspace(-z_m, z_m, points)
    phi = np.sign(z) * angle_at(plane, q, far * np.tanh(np.abs(z)))
    speed = plane.exchange * (1 + np.tanh(z)) / slope_at(plane, q, phi)
    time = cumulative_simpson(speed, x=z, initial=0.0)
    root = math.sqrt(q)
    return NeutralOrbit(time, root * np.sinh(phi), kappa * root * np.cosh(phi), kappa * phi)
