"""Closed forms that several systems share."""

import jax.numpy as jnp
from jaxtyping import Array, Float

# Below this exponent differences of exponentials lose digits that this many terms of a power series keep.
_SERIES_BELOW = 0.1
_TERMS = 10


def relaxation(rate: Array, duration: Array) -> Array:
    """(1 - exp(-rate * duration)) / rate, and `duration` where the rate is zero.

    The time integral of exp(-rate t): how much of its initial error a linear mode of this rate has integrated.
    """
    exponent = rate * duration
    safe = jnp.where(rate == 0, jnp.ones_like(rate), rate)
    return jnp.where(rate == 0, jnp.broadcast_to(duration, exponent.shape), -jnp.expm1(-exponent) / safe)


def relaxed_area(rate: Array, duration: Array) -> Array:
    """(duration - relaxation(rate, duration)) / rate, the time integral of `relaxation`; duration^2/2 at rate zero."""
    exponent = rate * duration
    small = jnp.abs(exponent) < _SERIES_BELOW
    series = jnp.ones_like(exponent)
    for k in range(_TERMS, 2, -1):
        series = 1 - exponent / k * series
    safe = jnp.where(small, jnp.ones_like(rate), rate)
    # The relaxation of all rates, which callers have computed already.
    return jnp.where(small, 0.5 * duration**2 * series, (duration - relaxation(rate, duration)) / safe)


def symmetric(matrix: Float[Array, "*b n n"]) -> Float[Array, "*b n n"]:
    """(M + M^T) / 2, symmetric to the last bit."""
    return 0.5 * (matrix + matrix.swapaxes(-1, -2))


def block_diagonal(blocks: Float[Array, "o p p"]) -> Float[Array, "p*o p*o"]:
    """One matrix over path-major flattened gates, from one (paths, paths) block per output row."""
    rows, paths, _ = blocks.shape
    identity = jnp.eye(rows, dtype=blocks.dtype)
    return jnp.einsum("opq,oj->poqj", blocks, identity).reshape(paths * rows, paths * rows)
