"""Momentum that forgets along the direction in which it is written."""

from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from ntadyn.nested.optimisers.momentum import MomentumState, Rate, rate_at
from ntadyn.nested.optimisers.per_matrix import check_rate, check_share, per_matrix, unit, zeros_like
from ntadyn.nested.optimisers.preconditioners import AbstractPreconditioner, Unchanged


def delta_momentum(
    learning_rate: Rate,
    retention: float | Array = 0.9,
    forgetting: float | Array = 0.5,
    preconditioner: AbstractPreconditioner | None = None,
    normalised: bool = True,
) -> optax.GradientTransformation:
    """M <- m (a 1 - kappa h^T h) - eta P(g), W <- W + m, with h = g / |g|_F.

    A gradient step of 1/2 |m g^T + P|^2, with retention a: a momentum that maps gradients to their values by the delta
    rule in place of adding values up. Along a constant gradient of norm n it comes to rest at eta n / (1 - a + kappa),
    where plain momentum reaches eta n / (1 - a): all that it does is to remember less in the direction that is written.

    Args:
        learning_rate: eta, a number or a schedule.
        retention: a in [0, 1].
        forgetting: kappa. For normalised keys the rule is stable for 0 <= kappa < 1 + a, and is plain momentum at zero.
        preconditioner: P; gradients as they are if omitted.
        normalised: whether keys are; if not, h = g, and what is forgotten grows with the square of the gradient. Only
            with kappa = eta and keys that are not normalised, this is one step on one objective.

    Returns:
        A transformation whose updates are added to the parameters.

    Raises:
        ValueError: for a rate that is not positive, a retention outside [0, 1], or keys and forgetting that would make
            it unstable.

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equation 22, with the product from the right, as in equation
    49 of arXiv 2512.24695, and a step size on both terms: as it is printed, shapes fit only for square matrices.
    """
    check_rate("delta_momentum: learning_rate", learning_rate)
    check_share("delta_momentum: retention", retention)
    known = isinstance(forgetting, float | int) and isinstance(retention, float | int)
    if known and not 0 <= forgetting < (1 + retention if normalised else jnp.inf):
        raise ValueError(
            f"delta_momentum: forgetting is {forgetting}; with retention {retention} and keys of length one it is "
            f"stable from 0 to below {1 + retention}; give a number in between."
        )
    of_gradient = Unchanged() if preconditioner is None else preconditioner

    def init(params: PyTree) -> MomentumState:
        return MomentumState(zeros_like(params), of_gradient.init(params), jnp.zeros((), jnp.int32))

    def update(updates: PyTree, state: Any, params: PyTree = None) -> tuple[PyTree, MomentumState]:
        del params
        values, after = of_gradient.apply(updates, state.preconditioner)
        rate = rate_at(learning_rate, state.count)

        def rule(m: Float[Array, "o i"], g: Float[Array, "o i"], value: Float[Array, "o i"]) -> Float[Array, "o i"]:
            key = unit(g) if normalised else g
            a, kappa, eta = (jnp.asarray(number, m.dtype) for number in (retention, forgetting, rate))
            return a * m - kappa * (m @ key.T) @ key - eta * value

        moved = per_matrix(rule, state.momentum, updates, values)
        return moved, MomentumState(moved, after, state.count + 1)

    return optax.GradientTransformation(init, update)
