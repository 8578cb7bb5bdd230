"""Updates as exact minimisers: for every rule, an objective that its step solves.

A level learns by moving a little towards what its objective asks. The same step can be seen as solving a problem
exactly, with a penalty on how far it goes. Each function here returns such a problem, z -> a number that is quadratic
in z, whose only minimiser is the update.
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


def of_hebbian_write(
    memory: Float[Array, "e d"], key: Float[Array, " d"], value: Float[Array, " e"], rate: Real
) -> Objective:
    """-b <z k, v> + 1/2 |z - M|^2: M + b v k^T.

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equations 15 and 16, with the sign that makes them so.
    """
    return lambda z: -rate * jnp.dot(z @ key, value) + 0.5 * jnp.sum((z - memory) ** 2)


def of_delta_write(
    memory: Float[Array, "e d"], key: Float[Array, " d"], value: Float[Array, " e"], rate: Real
) -> Objective:
    """B <z - M, (M k - v) k^T> + 1/2 |z - M|^2: M - b (M k - v) k^T.

    The delta rule solves this linearised problem, and not 1/2 |z k - v|^2 + |z - M|^2 / (2b), which is
    `of_proximal_delta_write`.
    """
    slope = jnp.outer(memory @ key - value, key)
    return lambda z: rate * jnp.sum((z - memory) * slope) + 0.5 * jnp.sum((z - memory) ** 2)


def of_proximal_delta_write(
    memory: Float[Array, "e d"], key: Float[Array, " d"], value: Float[Array, " e"], rate: Real
) -> Objective:
    """1/2 |z k - v|^2 + |z - M|^2 / (2b): the delta rule at the rate b / (1 + b |k|^2), stable for every b."""
    return lambda z: 0.5 * jnp.sum((z @ key - value) ** 2) + jnp.sum((z - memory) ** 2) / (2 * rate)


def of_delta_descent(
    weights: Float[Array, "o i"], x: Float[Array, " i"], output_gradient: Float[Array, " o"], learning_rate: Real
) -> Objective:
    """1/2 |z x + g|^2 + |z - W|^2 / (2 eta): delta descent on one example, delta = 1."""
    return of_proximal_delta_write(weights, x, -output_gradient, learning_rate)
