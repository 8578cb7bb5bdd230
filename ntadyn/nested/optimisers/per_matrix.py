"""Rules for matrices, applied to trees of arrays of any shape."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


def per_matrix(rule: Callable[..., Any], *trees: PyTree) -> PyTree:
    """A rule for matrices, applied to every array of some trees of the same form.

    A stack (paths, outputs, inputs) is one matrix for every path, a vector a matrix of one row, a number one of one
    entry.

    Args:
        rule: matrices -> a matrix of their shape.
        trees: one for every argument of the rule.

    Returns:
        A tree of the same form.
    """

    def of_arrays(*arrays: Array) -> Array:
        shape = arrays[0].shape
        if len(shape) < 2:
            return rule(*(array.reshape(1, -1) for array in arrays)).reshape(shape)
        mapped = rule
        for _ in shape[:-2]:
            mapped = jax.vmap(mapped)
        return mapped(*arrays)

    return jax.tree.map(of_arrays, *trees)


def unit(matrix: Float[Array, "o i"]) -> Float[Array, "o i"]:
    """A matrix over its Frobenius norm; zero stays zero, and has derivatives."""
    squares = jnp.sum(matrix**2)
    return matrix / jnp.sqrt(jnp.where(squares > 0, squares, jnp.ones_like(squares)))


def zeros_like(tree: PyTree) -> PyTree:
    """A tree of zeros of the same shapes and dtypes."""
    return jax.tree.map(jnp.zeros_like, tree)


def check_share(name: str, value: Any) -> None:
    """Raise ValueError unless a number, where it is known, is between 0 and 1."""
    if isinstance(value, float | int) and not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}; it multiplies what was there, from 0 (nothing is kept) to 1 (all is).")


def check_rate(name: str, value: Any) -> None:
    """Raise ValueError unless a number, where it is known, is positive."""
    if isinstance(value, float | int) and not value > 0:
        raise ValueError(f"{name} is {value}; it must be positive.")
