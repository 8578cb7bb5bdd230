"""Heun's step for many gates at once, with each gate taken through its kink in closed form."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.gate_flow import entered_sign
from ntadyn.interface.gated_linear import AbstractQuadraticGatedFlow
from ntadyn.interface.system import AbstractSystem
from ntadyn.solvers.dividing import AbstractDividingSolver, parts_that_are_stable, parts_that_resolve
from ntadyn.solvers.term import LearningTerm

Gates = Float[Array, " n"]

# A step is divided where the largest gate changes by its own size faster than this many times the rate at which gates
# and weights exchange error. On figure 6 this concerns the first 0.05 of the run, costs a thousandth of the time, and
# cuts the error of everything after it from 1e-2 to 1e-4.
_UNDIVIDED = 5.0
_MOST_PARTS = 256
# A stable step is not yet an accurate one: the longest step is this share of the longest stable one.
_SHARE_OF_STABLE = 2 / 3


class SlidingHeun(AbstractDividingSolver):
    """y <- y + h/2 (f(y) + f(y + h f(y))), where gates see one velocity above zero and one below.

    Within a step each gate moves at a constant velocity on either side of its kink, so that arrival at zero, crossing,
    sliding and release are known in closed form, for every gate separately and without a search. Where no gate meets
    zero this is Heun's step. A step in which a gate meets zero errs by a multiple of h^2, but once and not in every
    step in which it slides, which keeps the method at second order. Where all gates are small beside their velocities,
    as at a small random start, `FixedSteps` divides a step into up to 256 parts, whose number depends on the state but
    not on h.

    The step costs two gradients, whatever the number of gates. It is explicit, and therefore also divided where it
    would be longer than the fastest rate of loss and penalty allows. `Splitting` is stable at any step, at a cost that
    grows with the cube of the number of gates: it is made for a few gates, this solver for hundreds, as in the second
    layer of a deep network.

    Source: Filippov's convention for discontinuous fields; Heun's method.
    """

    def check(self, system: AbstractSystem) -> None:
        """See `AbstractDividingSolver.check`; gates must be replaceable, and the only parameters with kinks."""
        if "weights" in _gated(system).penalties:
            raise ValueError(
                "SlidingHeun follows the kinks of gates only, but this system has a penalty on its weights, which "
                "would chatter at zero. Pass Splitting(), or a smoothed penalty and diffrax.Heun()."
            )

    def advanced(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, memory: None
    ) -> tuple[PyTree, None]:
        """See `AbstractDividingSolver.advanced`."""
        del memory
        return _heun(terms, t1, y0, terms.vf(t0, y0, args), t1 - t0, args), None

    def num_parts(
        self, terms: LearningTerm, t0: Any, t1: Any, y0: PyTree, args: Any, reference: Float[Array, ""]
    ) -> Float[Array, ""]:
        """The largest number that stability, the exchange of gates and weights, or small fast gates ask for."""
        system, task, state = _gated(terms.system), terms.task(t0, args), terms.whole(y0)
        largest, speed = (jnp.max(jnp.abs(_gates(terms, y))) for y in (y0, terms.vf(t0, y0, args)))
        small = speed / jnp.maximum(_UNDIVIDED * reference * largest, jnp.finfo(largest.dtype).tiny)
        resolved = parts_that_resolve(system, state, task, reference)
        stable = parts_that_are_stable(system, state, task, t1 - t0)
        return jnp.maximum(jnp.maximum(resolved, stable / _SHARE_OF_STABLE), jnp.minimum(small, _MOST_PARTS))


def through_zero(gates: Gates, above: Gates, below: Gates, duration: Float[Array, ""]) -> Gates:
    """The gates after `duration` if each moves at one constant velocity above zero and at another below.

    Args:
        gates: c at the start, shape (n,); zeros are exact zeros.
        above: velocity of each gate while it is positive, shape (n,).
        below: velocity while it is negative, shape (n,).
        duration: how long they move.

    Returns:
        c after `duration`; a gate that both sides push to zero stays there, exactly.
    """
    sign = entered_sign(gates, above, below)
    own = jnp.where(sign > 0, above, jnp.where(sign < 0, below, 0))
    other = jnp.where(sign > 0, below, above)
    arrives = own * gates < 0
    arrival = -gates / jnp.where(arrives, own, 1)
    crosses = other * sign < 0
    beyond = jnp.where(crosses, other * (duration - arrival), 0)
    return jnp.where(arrives & (arrival < duration), beyond, gates + own * duration)


def _heun(
    terms: LearningTerm, end: Float[Array, ""], y0: PyTree, first: PyTree, h: Float[Array, ""], args: Any
) -> PyTree:
    """The state at time `end`, h after y0, at which the rates are `first`."""
    gates, speed = _gates(terms, y0), _gates(terms, first)

    def move(rates: PyTree, above: Gates, below: Gates) -> PyTree:
        moved = jax.tree.map(lambda leaf, rate: leaf + h * rate, y0, rates)
        through = _gated(terms.system).with_gates(terms.whole(moved), through_zero(gates, above, below, h))
        return terms.flowing(through)

    # Twice as far as the first stage takes them, because the second one may take them further.
    in_reach = jnp.abs(gates) <= 2 * h * jnp.abs(speed)
    above, below = _one_sided(terms, y0, first, in_reach)
    middle = move(first, above, below)
    second = terms.vf(end, middle, args)
    later_above, later_below = _one_sided(terms, middle, second, in_reach)
    mean = jax.tree.map(lambda one, other: 0.5 * (one + other), first, second)
    return move(mean, 0.5 * (above + later_above), 0.5 * (below + later_below))


def _one_sided(terms: LearningTerm, y: PyTree, rates: PyTree, in_reach: Array) -> tuple[Gates, Gates]:
    """Velocities of all gates above and below zero; on the side where a gate is not, only if zero is in its reach.

    The force of a penalty on one gate may depend on the signs of the others. Those that may reach zero change sides
    together here, which is wrong by their contribution, a multiple of h.
    """
    system = _gated(terms.system)
    gates, velocity = _gates(terms, y), _gates(terms, rates)
    penalty, tau = system.gate_penalty(), system.time_constants["gates"]
    sign = jnp.sign(gates)
    drive = velocity + penalty.branch_gradient(gates, sign) / tau

    def on_side(side: float) -> Gates:
        other = drive - penalty.branch_gradient(gates, jnp.where(in_reach | (sign == 0), side, sign)) / tau
        return jnp.where(side * gates > 0, velocity, other)

    return on_side(1.0), on_side(-1.0)


def _gates(terms: LearningTerm, y: PyTree) -> Gates:
    """All gates of a state, or of its rates, as one vector."""
    return _gated(terms.system).gates(terms.whole(y)).reshape(-1)


def _gated(system: AbstractSystem) -> AbstractQuadraticGatedFlow:
    if not isinstance(system, AbstractQuadraticGatedFlow):
        raise ValueError(
            f"SlidingHeun needs a system whose gates can be replaced (AbstractQuadraticGatedFlow); "
            f"{type(system).__name__} is not one. Pass another solver, for example diffrax.Heun()."
        )
    return system
