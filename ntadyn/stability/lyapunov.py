"""Lyapunov exponents of maps: how fast neighbouring states part, on average along an orbit of any kind."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

STRETCHES = 16


class Exponents(NamedTuple):
    """Lyapunov exponents per unit of time, in the order of the directions that the map stretches most.

    Attributes:
        values: their estimates.
        errors: standard errors from the scatter over stretches of the orbit, as if these were independent.
        last: where the orbit ended.
    """

    values: Float[np.ndarray, " n"]
    errors: Float[np.ndarray, " n"]
    last: Float[np.ndarray, " n"]


def lyapunov_exponents(
    map: Callable[[Float[Array, " n"]], Float[Array, " n"]],
    state: Float[Array, " n"],
    num_steps: int,
    transient: int = 0,
    duration: float = 1.0,
) -> Exponents:
    """Lim 1/(k T) log r_i(k), where Q R is the QR decomposition of the derivative of k steps, made anew at every step.

    Args:
        map: one step, differentiable in forward mode; of a system, its stroboscopic map in `GatesAndFactors`.
        state: where to start.
        num_steps: steps over which to average, a multiple of 16.
        transient: steps before these, in which directions align.
        duration: T, the time that one step stands for.

    Raises:
        ValueError: for numbers of steps that do not fit, a duration that is not positive, or an orbit that is not
            finite.
    """
    if num_steps < STRETCHES or num_steps % STRETCHES or transient < 0 or not duration > 0:
        raise ValueError(
            f"num_steps is {num_steps}, transient {transient}, duration {duration}; give a positive multiple of "
            f"{STRETCHES} of steps, no negative transient, and a positive time."
        )
    last, logs = _run(map, state, num_steps + transient)
    if not bool(jnp.all(jnp.isfinite(last))):
        raise ValueError("the orbit leaves all bounds; start where the map stays finite.")
    means = np.asarray(logs)[transient:].reshape(STRETCHES, -1, state.size).mean(1) / duration
    return Exponents(means.mean(0), means.std(0, ddof=1) / np.sqrt(STRETCHES), np.asarray(last))


def _run(map: Callable, state: Array, number: int) -> tuple[Array, Array]:
    def step(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        x, frame = carry
        image, push = jax.linearize(map, x)
        frame, stretch = jnp.linalg.qr(jax.vmap(push, in_axes=1, out_axes=1)(frame))
        return (image, frame), jnp.log(jnp.abs(jnp.diagonal(stretch)))

    @jax.jit
    def run(state: Array) -> tuple[Array, Array]:
        (last, _), logs = lax.scan(step, (state, jnp.eye(state.size, dtype=state.dtype)), None, number)
        return last, logs

    return run(state)
