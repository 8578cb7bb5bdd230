"""The flow of the gates while the weights are frozen: piecewise smooth, integrated piece by piece."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ntadyn.decompositions import eigh
from ntadyn.interface.closed_form import relaxation, relaxed_area
from ntadyn.interface.loops import EventSearch
from ntadyn.regularizers import AbstractPenalty

Gates = Float[Array, " n"]
Margin = Callable[[Float[Array, ""]], Float[Array, ""]]

# The search for an event stops at rounding: after five or six iterations on the short paths within a solver's step.
MAX_ROOT_ITERATIONS = 30


class GateProblem(eqx.Module):
    """tau dc/dt = b - A c - dR(c)/dc.

    Attributes:
        linear: b, shape (n,).
        quadratic: A, symmetric positive semi-definite, shape (n, n).
        penalty: R, smooth inside every orthant.
        time_constant: tau.
        released: 1 for gates that may move and 0 for those that are frozen, shape (n,); None if all may.
    """

    linear: Gates
    quadratic: Float[Array, "n n"]
    penalty: AbstractPenalty
    time_constant: Float[Array, ""]
    released: Gates | None = None

    def velocity(self, gates: Gates, sign: Gates) -> Gates:
        """dc/dt of the smooth piece that belongs to the orthant `sign`."""
        force = self.linear - self.quadratic @ gates - self.penalty.branch_gradient(gates, sign)
        return self.moving(force) / self.time_constant

    def moving(self, values: Gates) -> Gates:
        """One value per gate, zero for gates that are frozen."""
        return values if self.released is None else values * self.released


def flow_gates(problem: GateProblem, gates: Gates, duration: Float[Array, ""], search: EventSearch) -> Gates:
    """The gates after `duration`, see `follow_gates`."""
    return follow_gates(problem, gates, duration, search)[0]


def follow_gates(
    problem: GateProblem, gates: Gates, duration: Float[Array, ""], search: EventSearch
) -> tuple[Gates, Gates]:
    """Follow the gates for `duration` through kinks, crossings and sliding.

    Inside an orthant the velocity is smooth, and for the hinge and the L1 penalties linear; one exponential step
    c(t) = c + t phi(t J) v, with J the Jacobian of the velocity, is then exact (second order for the L2 penalty). A
    gate that arrives at zero crosses it, or is held there while the velocities on both sides point at zero (sliding),
    until one of them points away. A piece ends at the first arrival or release, which is located to rounding. Events
    show in where a piece ends: a gate that dips through zero and returns within one piece is overlooked, and the last
    piece that is allowed runs to the end regardless; both errors are of the order of a step squared.

    Args:
        problem: drive, curvature, penalty and time constant.
        gates: c at the start, shape (n,); zeros are exact zeros.
        duration: how long to follow them; with zero the gates return unchanged.
        search: how many smooth pieces are allowed, and which loop runs over them.

    Returns:
        c after `duration`, and how far gates were from where they started, int (c(t) - c(0)) dt; both of shape (n,).

    Source: Filippov's convention for discontinuous fields; exponential Euler steps after Hochbruck, Ostermann (Acta
    Numerica 2010).
    """
    start = gates

    def try_whole(gates, sign, remaining):
        path, area = _exponential_path(problem, gates, sign)
        end = path(remaining)
        margins = _margins(problem, path, sign)
        return (
            path,
            area,
            (end, (gates - start) * remaining + area(remaining)),
            margins,
            jnp.min(margins(remaining)) < 0,
        )

    # The piece that reaches the end comes first, outside the loop over events: in a batch, that loop then runs only as
    # often as the trajectory with the most events needs.
    def next_event(state):
        gates, sign, remaining, past, _, _, count = state
        path, area, _, margins, _ = try_whole(gates, sign, remaining)
        # A gate that has just left zero has no margin yet; only margins that end below zero have an event.
        meets = margins(remaining) < 0
        duration = _first_root(lambda t: jnp.min(margins(t), where=meets, initial=jnp.inf), remaining)
        at_event = jnp.where(meets, margins(duration), jnp.inf)
        # Gates that mirror each other arrive together up to rounding.
        together = 64 * jnp.finfo(gates.dtype).eps * jnp.abs(margins(jnp.zeros_like(remaining)))
        now = at_event <= jnp.min(at_event) + together
        past = past + (gates - start) * duration + area(duration)
        gates = jnp.where(now & (sign != 0), 0, path(duration))
        sign = jnp.where(now, _sign_after_event(problem, gates, sign), sign)
        remaining = remaining - duration
        _, _, last, _, crossed = try_whole(gates, sign, remaining)
        return gates, sign, remaining, past, last, crossed, count + 1

    def unfinished(state):
        *_, crossed, count = state
        return crossed & (count < search.max_pieces)

    sign = entered_sign(gates, *_one_sided(problem, gates))
    _, _, last, _, crossed = try_whole(gates, sign, duration)
    first = (gates, sign, duration, jnp.zeros_like(gates), last, crossed, jnp.asarray(1))
    *_, past, (end, area), _, _ = search.while_loop(unfinished, next_event, first, search.max_pieces)
    return end, past + area


def flow_gates_and_norms(problem: GateProblem, gates: Gates, duration: Float[Array, ""], search: EventSearch) -> Gates:
    """Follow the gates under any penalty: through its kinks as `flow_gates` does, and along its norms in closed form.

    Args:
        problem: drive, curvature, penalty and time constant; the penalty may have shrinking parts.
        gates: c at the start, shape (n,).
        duration: how long to follow them.
        search: how many smooth pieces are allowed, and which loop runs over them.

    Returns:
        c after `duration`; second order in it where there are norms, see `AbstractPenalty.flow_along`.
    """
    smooth, shrinking = problem.penalty.split()
    piecewise = dataclasses.replace(problem, penalty=smooth)

    def follow(gates: Array, duration: Array) -> Array:
        return flow_gates(piecewise, gates, duration, search)

    return shrinking.flow_along(follow, gates, duration, problem.time_constant)


def _one_sided(problem: GateProblem, gates: Gates) -> tuple[Gates, Gates]:
    """Velocities of all gates, with those at zero seen from above and from below."""
    above = problem.velocity(gates, jnp.where(gates == 0, 1, jnp.sign(gates)))
    below = problem.velocity(gates, jnp.where(gates == 0, -1, jnp.sign(gates)))
    return above, below


def entered_sign(gates: Gates, above: Gates, below: Gates) -> Gates:
    """The orthant that the flow enters: -1 or +1 for a gate that moves, 0 for a gate that is held at zero.

    Args:
        gates: c, shape (n,).
        above: velocities seen from above zero, shape (n,).
        below: velocities seen from below zero, shape (n,).

    Returns:
        Signs, shape (n,): those of the gates themselves where these are not zero.
    """
    # Where both sides point away from zero the kink repels; the published tie rule follows the mean of the two.
    repelled = jnp.sign(above + below)
    leaving = jnp.where(above > 0, jnp.where(below < 0, repelled, 1), jnp.where(below < 0, -1, 0))
    return jnp.where(gates == 0, leaving.astype(gates.dtype), jnp.sign(gates))


def _sign_after_event(problem: GateProblem, gates: Gates, sign: Gates) -> Gates:
    """Signs after an event: a gate that arrived crosses or is held; one that was held leaves to the stronger side."""
    above, below = _one_sided(problem, gates)
    arrived = jnp.where(sign > 0, jnp.where(below < 0, -1, 0), jnp.where(above > 0, 1, 0))
    released = jnp.where(above + below > 0, 1, -1)
    return jnp.where(sign == 0, released, arrived).astype(gates.dtype)


def _margins(problem: GateProblem, path, sign: Gates):
    """The distances to the next event, as functions of t: of a moving gate from zero, of a held one from release."""

    def margins(t):
        gates = path(t)
        above, below = _one_sided(problem, jnp.where(sign == 0, 0, gates))
        # A gate that both sides pull with the same force stays at zero, by the tie rule.
        balanced = (above > 0) & (above == -below)
        return jnp.where(sign == 0, jnp.where(balanced, above, jnp.minimum(-above, below)), gates * sign)

    return margins


def _exponential_path(problem: GateProblem, gates: Gates, sign: Gates):
    """The path t -> c + t phi(t J) v of the gates that move, in the eigenbasis of the symmetric Jacobian J.

    And, as another function of t, the integral of what the path adds to c.
    """
    moving = problem.moving(jnp.abs(sign))
    velocity = moving * problem.velocity(gates, sign)
    curvature = problem.quadratic + jax.jacfwd(lambda c: problem.penalty.branch_gradient(c, sign))(gates)
    rates, basis = symmetric_eigen(curvature * moving[:, None] * moving[None, :] / problem.time_constant)
    coefficients = basis.T @ velocity

    def path(t):
        return gates + moving * (basis @ (relaxation(rates, t) * coefficients))

    def area(t):
        return moving * (basis @ (relaxed_area(rates, t) * coefficients))

    return path, area


def _first_root(margin: Margin, horizon: Float[Array, ""]) -> Float[Array, ""]:
    """The time at which a margin that ends below zero reaches it, to rounding; zero if it starts below.

    The derivative is that of the implicit function, in both modes, whatever steps the search takes.
    """

    def along_the_slope(linearised: Margin, value: Array) -> Array:
        return value / _nonzero(linearised(jnp.ones_like(value)))

    start = jnp.zeros_like(horizon)
    root = lax.custom_root(margin, start, lambda margin, _: _searched(margin, horizon), along_the_slope)
    return jnp.where(margin(start) < 0, start, root)


def _searched(margin: Margin, horizon: Float[Array, ""]) -> Float[Array, ""]:
    """A root between zero and the horizon by regula falsi (Illinois).

    A margin that starts at zero, like that of a gate that has just left zero, first takes bisection steps.
    """
    at_start, at_end = margin(jnp.zeros_like(horizon)), margin(horizon)
    # The last secant, after the loop, gains half as many digits again.
    negligible = jnp.finfo(horizon.dtype).eps ** 0.75 * (jnp.abs(at_start) + jnp.abs(at_end))

    def guess(low, high, at_low, at_high):
        secant = (low * at_high - high * at_low) / _nonzero(at_high - at_low)
        return jnp.where(at_low > 0, secant, 0.5 * (low + high))

    def refine(state):
        low, high, at_low, at_high, side, _, count = state
        middle = guess(low, high, at_low, at_high)
        value = margin(middle)
        now = jnp.where(value > 0, 1, -1)
        # Halving the value at an end that is kept twice makes the convergence of regula falsi superlinear.
        kept = jnp.where(now == side, 0.5, 1.0).astype(value.dtype)
        return (
            jnp.where(now > 0, middle, low),
            jnp.where(now > 0, high, middle),
            jnp.where(now > 0, value, kept * at_low),
            jnp.where(now > 0, kept * at_high, value),
            now,
            jnp.abs(value) <= negligible,
            count + 1,
        )

    def unfinished(state):
        *_, found, count = state
        return ~found & (count < MAX_ROOT_ITERATIONS)

    start = (jnp.zeros_like(horizon), horizon, at_start, at_end, jnp.asarray(0), at_start < 0, jnp.asarray(0))
    low, high, at_low, at_high, *_ = lax.while_loop(unfinished, refine, start)
    return jnp.clip(guess(low, high, at_low, at_high), 0, horizon)


def _nonzero(x: Array) -> Array:
    return jnp.where(x == 0, 1, x)


def symmetric_eigen(matrix: Float[Array, "n n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """Eigenvalues and orthonormal eigenvectors of a symmetric matrix; one rotation in closed form for n = 2.

    The library routine calls LAPACK once per matrix, which costs more than the whole step inside a batched loop.
    """
    size = matrix.shape[0]
    if size == 1:
        return matrix[0], jnp.ones_like(matrix)
    if size > 2:
        return eigh(matrix)
    first, second, off = matrix[0, 0], matrix[1, 1], matrix[0, 1]
    mean, half, radius = (
        0.5 * (first + second),
        0.5 * (first - second),
        jnp.sqrt((0.5 * (first - second)) ** 2 + off**2),
    )
    # Half-angle formulas, with the larger of the two from the root, so that neither loses digits.
    larger = jnp.sqrt(0.5 + 0.5 * jnp.where(radius == 0, 1, jnp.abs(half) / _nonzero(radius)))
    smaller = 0.5 * jnp.abs(off) / (_nonzero(radius) * larger)
    cosine = jnp.where(half >= 0, larger, smaller)
    sine = jnp.where(half >= 0, smaller, larger) * jnp.where(off < 0, -1, 1).astype(off.dtype)
    return jnp.stack([mean + radius, mean - radius]), jnp.array([[cosine, -sine], [sine, cosine]])
