"""Updates as exact minimisers: for every rule, an objective that its step solves.

A level learns by moving a little towards what its objective asks. The same step can be seen as solving a problem
exactly, with a penalty on how far it goes. Each function here returns such a problem, z -> a number that is quadratic
in z, whose only minimiser is the update. For writes to memories, see `memories.proximal` and `memories.linearised`.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

Objective = Callable[[Array], Float[Array, ""]]
Real = float | Float[Array, ""]


def of_descent(weights: Array, gradient: Array, learning_rate: Real) -> Objective:
    """<z, g> + |z - W|^2 / (2 eta): W - eta g."""
    return lambda z: jnp.sum(z * gradient) + jnp.sum((z - weights) ** 2) / (2 * learning_rate)


def of_momentum(momentum: Array, gradient: Array, learning_rate: Real, retention: Real) -> Objective:
    """Eta <z, g> + 1/2 |z - a m|^2: a m - eta g."""
    return lambda z: learning_rate * jnp.sum(z * gradient) + 0.5 * jnp.sum((z - retention * momentum) ** 2)


def of_delta_descent(
    weights: Float[Array, "o i"], x: Float[Array, " i"], output_gradient: Float[Array, " o"], learning_rate: Real
) -> Objective:
    """1/2 |z x + g|^2 + |z - W|^2 / (2 eta): delta descent on one example, delta = 1."""
    return lambda z: 0.5 * jnp.sum((z @ x + output_gradient) ** 2) + jnp.sum((z - weights) ** 2) / (2 * learning_rate)
