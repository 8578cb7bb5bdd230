"""The group lasso on whole paths: what of a path is worth its place."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.continual.per_path import per_path


def shrunk(weights: Float[Array, "p o i"], group_lasso: float | Float[Array, ""]) -> Float[Array, "p o i"]:
    """argmin_W 1/2 |W - E|^2 + lambda |W|_F = E max(0, 1 - lambda / |E|_F), zero if and only if lambda >= |E|_F.

    Args:
        weights: E, one matrix per path.
        group_lasso: lambda.

    Source: arXiv 1708.01547, equation 3, on whole paths.
    """
    sizes = norms(weights)
    kept = sizes > group_lasso
    # A difference of two close numbers is exact; 1 - lambda / |E| could round to zero too early.
    share = jnp.where(kept, (sizes - group_lasso) / jnp.where(kept, sizes, 1), 0)
    return per_path(share, weights) * weights


def norms(weights: Float[Array, "p o i"]) -> Float[Array, " p"]:
    """|W^p|_F of every path, shape (paths,); differentiable also where it is zero."""
    squares = jnp.sum(weights**2, axis=(1, 2))
    # The root has no derivative at zero, where paths that are not alive are.
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)
