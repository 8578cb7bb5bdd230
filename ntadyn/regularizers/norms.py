"""Absolute values and norms that follow the tie rules in their derivatives, and neither underflow nor give NaN."""

import jax
import jax.numpy as jnp

from ntadyn.regularizers.coefficients import Group


def norm_and_direction(x: Group, axis: int | None) -> tuple[Group, Group]:
    """`|x|_2` along `axis` (kept as an axis of length one) and `x / |x|_2`, both exactly 0 for a zero vector."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=axis, keepdims=True))
    # Below the smallest normal number a division may flush to 0 / 0.
    is_nonzero = largest >= jnp.finfo(x.dtype).tiny
    scale = jnp.where(is_nonzero, largest, 1.0)
    # Scaling keeps the squares of tiny entries from underflowing. The norm does not depend on the scale, so holding
    # the scale fixed leaves every derivative exact.
    scaled = x / scale
    # The inner `where` keeps the infinite derivative of the square root at zero out of the gradient.
    root = jnp.sqrt(jnp.where(is_nonzero, jnp.sum(scaled**2, axis=axis, keepdims=True), 1.0))
    return jnp.where(is_nonzero, scale * root, 0.0), jnp.where(is_nonzero, scaled / root, 0.0)


def absolute(x: Group) -> Group:
    """`|x|` with derivative `sign(x)`, which is 0 at a tie; jax differentiates `abs` to +1 there."""
    return jnp.sign(x) * x
