"""Averages of g(x) = erf(x / sqrt 2) and its slope over Gaussian fields, in closed form.

All fields are jointly Gaussian with mean zero and covariance C. Indices may repeat.

Source: Saad and Solla 1995 (Phys. Rev. E 52, 4225), appendix.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def i2(covariance: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """E[g(x_i) g(x_j)] = 2/pi asin(C_ij / sqrt((1 + C_ii)(1 + C_jj))).

    Args:
        covariance: C, positive semi-definite, shape (n, n).

    Returns:
        All pairs, shape (n, n).
    """
    size = 1 + jnp.diagonal(covariance)
    return 2 / jnp.pi * _arcsine(covariance / jnp.sqrt(size[:, None] * size[None]))


def i3(covariance: Float[Array, "n n"], units: int) -> Float[Array, "k n n"]:
    """E[g'(x_i) x_j g(x_k)] for the first fields as i, and all as j and k.

    With 1, 2, 3 for i, j, k: 2/pi (C_23 (1 + C_11) - C_12 C_13) / ((1 + C_11) sqrt((1 + C_11)(1 + C_33) - C_13^2)).

    Args:
        covariance: C, positive semi-definite, shape (n, n).
        units: how many fields i runs over, from the first.

    Returns:
        Shape (units, n, n).
    """
    own = 1 + jnp.diagonal(covariance)[:units]
    c12 = covariance[:units, :, None]
    c13 = covariance[:units, None, :]
    one, third = own[:, None, None], (1 + jnp.diagonal(covariance))[None, None]
    top = covariance[None] * one - c12 * c13
    return 2 / jnp.pi * top / (one * jnp.sqrt(one * third - c13**2))


def i4(covariance: Float[Array, "n n"], units: int) -> Float[Array, "k k n n"]:
    """E[g'(x_i) g'(x_j) g(x_k) g(x_l)] for the first fields as i and j, and all as k and l.

    4/pi^2 asin(L0 / sqrt(L1 L2)) / sqrt(L4), where with 1, 2, 3, 4 for i, j, k, l

        L4 = (1 + C_11)(1 + C_22) - C_12^2
        L0 = L4 C_34 - C_23 C_24 (1 + C_11) - C_13 C_14 (1 + C_22) + C_12 C_13 C_24 + C_12 C_14 C_23
        L1 = L4 (1 + C_33) - C_23^2 (1 + C_11) - C_13^2 (1 + C_22) + 2 C_12 C_13 C_23, and L2 likewise for the fourth.

    Args:
        covariance: C, positive semi-definite, shape (n, n).
        units: how many fields i and j run over, from the first.

    Returns:
        Shape (units, units, n, n).
    """
    own = 1 + jnp.diagonal(covariance)
    c12 = covariance[:units, :units]
    one, two = own[:units, None], own[None, :units]
    of_pair = one * two - c12**2

    def projected(c13: Array, c23: Array, c14: Array, c24: Array) -> Array:
        """What the fields 3 and 4 share with 1 and 2, times L4."""
        return c23 * c24 * _wide(one) + c13 * c14 * _wide(two) - _wide(c12) * (c13 * c24 + c14 * c23)

    c1, c2 = covariance[:units, None], covariance[None, :units]  # (i, 1, n) and (1, j, n)
    cross = _wide(of_pair) * covariance[None, None] - projected(
        c1[..., :, None], c2[..., :, None], c1[..., None, :], c2[..., None, :]
    )
    alone = of_pair[..., None] * own[None, None] - (
        c2**2 * one[..., None] + c1**2 * two[..., None] - 2 * c12[..., None] * c1 * c2
    )
    ratio = cross / jnp.sqrt(alone[..., :, None] * alone[..., None, :])
    return 4 / jnp.pi**2 * _arcsine(ratio) / jnp.sqrt(_wide(of_pair))


def _arcsine(ratio: Array) -> Array:
    """Rounding may carry a correlation beyond one."""
    return jnp.arcsin(jnp.clip(ratio, -1, 1))


def _wide(pairs: Array) -> Array:
    """Values of (i, j) with two more axes for k and l."""
    return pairs[:, :, None, None]
