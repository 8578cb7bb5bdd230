"""Momentum as a level that compresses gradients, with any preconditioner."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree

from ntadyn.nested.optimisers.per_matrix import check_rate, check_share, zeros_like
from ntadyn.nested.optimisers.preconditioners import AbstractPreconditioner, Unchanged

Rate = Any
"""A learning rate: a number, an array, or a schedule, which is a function of the number of steps taken."""


class MomentumState(NamedTuple):
    """What momentum carries along.

    Attributes:
        momentum: m, like the parameters.
        preconditioner: the state of the preconditioner.
        count: steps taken.
    """

    momentum: PyTree
    preconditioner: Any
    count: Int[Array, ""]


def momentum(
    learning_rate: Rate, retention: float | Array = 0.9, preconditioner: AbstractPreconditioner | None = None
) -> optax.GradientTransformation:
    """M <- a m - eta P(g), W <- W + m.

    The learning rate is inside of what is accumulated. For a constant rate this is `optax.sgd(eta, momentum=a)`, which
    scales after accumulating; with a schedule the two differ, because here old gradients keep the rate of their time.

    Args:
        learning_rate: eta, a number or a schedule.
        retention: a in [0, 1], by which m is multiplied at every step.
        preconditioner: P; gradients as they are if omitted.

    Returns:
        A transformation whose updates are added to the parameters.

    Raises:
        ValueError: for a rate that is not positive, or a retention outside [0, 1].

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equations 17 and 20. Equations 7 and 8 of the same article,
    taken together as they are printed, ascend the loss.
    """
    check_rate("momentum: learning_rate", learning_rate)
    check_share("momentum: retention", retention)
    of_gradient = Unchanged() if preconditioner is None else preconditioner

    def init(params: PyTree) -> MomentumState:
        return MomentumState(zeros_like(params), of_gradient.init(params), jnp.zeros((), jnp.int32))

    def update(updates: PyTree, state: Any, params: PyTree = None) -> tuple[PyTree, MomentumState]:
        del params
        values, after = of_gradient.apply(updates, state.preconditioner)
        rate = rate_at(learning_rate, state.count)
        moved = jax.tree.map(lambda m, g: _like(retention, m) * m - _like(rate, m) * g, state.momentum, values)
        return moved, MomentumState(moved, after, state.count + 1)

    return optax.GradientTransformation(init, update)


def rate_at(learning_rate: Rate, count: Int[Array, ""]) -> Any:
    """A learning rate after some steps."""
    return learning_rate(count) if callable(learning_rate) else learning_rate


def _like(number: Any, array: Array) -> Array:
    return jnp.asarray(number, array.dtype)
