"""Grazing orbits as curves over the gate time constant: both ends of the band of contact, through their fold.

A neutral orbit grazes if its gates just reach zero: the symmetric one with q = Q/kappa^2 flows from dc = -1 to dc = 1
in exactly one block,

    tau_B = 2 l s int_0^phi_1 dphi / (l^2 - y^2),   sinh phi_1 = 1/sqrt(q),   y = kappa/2 (phi + q sinh phi cosh phi),

and in blocks that last for ever it comes to rest there, y(phi_1) = l. The upper branch is the specialised orbit.
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.stability.band import band_fold, contact_band
from ntadyn.stability.continuation import Branch, Equations, branch, equations_of
from ntadyn.stability.plane import TeacherPlane

NODES, WEIGHTS = np.polynomial.legendre.leggauss(96)
FIRST_STEP, LARGEST_STEP, MOST_POINTS = 0.05, 0.2, 400
# The branch starts on its upper end at this share of the time constant of the fold, or lower.
START = 0.5


def grazing_branch(
    plane: TeacherPlane,
    between: tuple[float, float],
    progress: Callable[[int, float], None] = lambda count, parameter: None,
) -> Branch:
    """The curve of grazing orbits in (log q, log tau_c), from its upper end through the fold to its lower one.

    Args:
        plane: one cell, whose own gate time constant has no effect; its blocks may last for ever.
        between: the smallest and the largest gate time constant to follow it to.
        progress: called with the number of points and log tau_c.

    Returns:
        The branch: x = (log q,), parameter = log tau_c.

    Raises:
        ValueError: for a range that is not one, or that begins above the fold.
    """
    low, high = between
    fold = band_fold(plane).gates
    if not 0 < low < high < math.inf or not low < fold:
        raise ValueError(
            f"grazing orbits exist up to tau_c = {fold:.6g}; got the range {low:g} to {high:g}. Give two positive "
            f"numbers in rising order, the first below that."
        )
    start = low if low > START * fold else min(START * fold, high)
    upper = contact_band(_with_gates(plane, start)).high
    equations = grazing_equations(plane)
    bounds = math.log(low), math.log(high)
    rising, falling = (
        branch(equations, [math.log(upper)], math.log(start), step=step, between=bounds, max_points=MOST_POINTS,
               largest_step=LARGEST_STEP, progress=progress)
        for step in (FIRST_STEP, -FIRST_STEP)
    )  # fmt: skip
    return rising._replace(points=[*falling.points[:0:-1], *rising.points])


def grazing_equations(plane: TeacherPlane) -> Equations:
    """F(log q, log tau_c) = 0 for grazing orbits, in blocks with an end or without, with its derivatives.

    Args:
        plane: one cell, whose own gate time constant has no effect.
    """
    radius, tau_b, weights = (float(each) for each in (plane.half_distance, plane.block_duration, plane.weights))

    def at_rest(x: Float[Array, " n"], p: Float[Array, ""]) -> Float[Array, " n"]:
        return radius - _end(jnp.exp(x), jnp.sqrt(jnp.exp(p) / weights))

    def in_time(x: Float[Array, " n"], p: Float[Array, ""]) -> Float[Array, " n"]:
        q, gates = jnp.exp(x), jnp.exp(p)
        kappa, exchange = jnp.sqrt(gates / weights), jnp.sqrt(gates * weights)
        return radius - _end(q, kappa) - _gap(q, kappa, tau_b / exchange, radius)

    return equations_of(at_rest if math.isinf(tau_b) else in_time)


def _end(q: Array, kappa: Array) -> Array:
    """Y at dc = 1."""
    return 0.5 * kappa * (jnp.arcsinh(1 / jnp.sqrt(q)) + jnp.sqrt(1 + q))


def _gap(q: Array, kappa: Array, time: Array, radius: float) -> Array:
    """L - y_1 of the orbit that takes some time, in units of s, from dc = -1 to dc = 1: how far from rest it ends.

    2 l/(l^2 - y^2) = 1/(l - y) + 1/(l + y) is almost a pole at the end. What it has of a pole, 1/(l - y_1 + y_1' (phi_1
    - phi)), is integrated on paper, the smooth rest by Gauss's rule; then the logarithm of the first is solved for l -
    y_1, which may be far below rounding.
    """
    last = jnp.arcsinh(1 / jnp.sqrt(q))
    slope = 0.5 * kappa * (1 + q * jnp.cosh(2 * last))
    phi = last * jnp.asarray(0.5 * (1 + NODES))
    y = 0.5 * kappa * (phi + 0.5 * q * jnp.sinh(2 * phi))
    rest = 1 / (radius - y) + 1 / (radius + y) - 1 / (radius - _end(q, kappa) + slope * (last - phi))
    smooth = 0.5 * last * jnp.sum(jnp.asarray(WEIGHTS) * rest, keepdims=True)
    decayed = jnp.exp(-slope * (time - smooth))
    return slope * last * decayed / (1 - decayed)


def _with_gates(plane: TeacherPlane, gates: float) -> TeacherPlane:
    return TeacherPlane(plane.block_duration, gates, plane.weights, teacher_norm=plane.teacher_norm)
