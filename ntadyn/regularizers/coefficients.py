"""Numbers that scale penalties: their types, and the checks that they pass."""

from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

Coefficient: TypeAlias = float | int | Float[Array, "..."]
Group: TypeAlias = Float[Array, "..."]
Scalar: TypeAlias = Float[Array, ""]


def is_concrete(value) -> bool:
    """Whether `value` is made of numbers that are known now, and not traced."""
    numeric = isinstance(value, float | int | np.ndarray | np.generic | jax.Array)
    return numeric and not isinstance(value, Tracer)


def check_nonnegative(name: str, value) -> None:
    """Raise if a concrete `value` is negative or not finite; traced values pass unchecked."""
    if not is_concrete(value):
        return
    numbers = np.asarray(value)
    if not np.all(np.isfinite(numbers) & (numbers >= 0)):
        raise ValueError(
            f"{name} must be finite and >= 0, got {value}. To switch a penalty off, use 0 or leave it out."
        )


def scalar_like(name: str, value, like: Array) -> Scalar:
    """`value` as a scalar of the dtype of `like`."""
    if jnp.ndim(value) != 0:
        raise ValueError(
            f"{name} has shape {jnp.shape(value)} where one number is needed. "
            f"Map over a sweep with jax.vmap or equinox.filter_vmap."
        )
    return jnp.asarray(value, like.dtype)
