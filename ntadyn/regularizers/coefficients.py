"""Numbers that scale penalties: their types and their checks."""

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
    """Whether `value` is made of known numbers, and not traced."""
    numeric = isinstance(value, float | int | np.ndarray | np.generic | jax.Array)
    return numeric and not isinstance(value, Tracer)


def known_reals(name: str, value) -> np.ndarray | None:
    """`value` in double precision; None where it is unknown: traced, a shape, or left out.

    Args:
        name: of the value, for the message.
        value: anything.

    Raises:
        ValueError: for what is not made of real numbers.
    """
    if value is None or isinstance(value, Tracer) or (hasattr(value, "dtype") and not is_concrete(value)):
        return None
    try:
        # As a float of Python first, because NumPy takes whole numbers beyond 2^63 for objects.
        return np.asarray(float(value) if isinstance(value, int) else value).astype(np.float64, casting="same_kind")
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a real number, got {value!r}.") from None


def check_nonnegative(name: str, value) -> None:
    """Refuse a known `value` that is negative, not finite or no real number; traced values pass unchecked.

    Args:
        name: of the value, for the message.
        value: a number, or an array of numbers.

    Raises:
        ValueError: if it is refused.
    """
    numbers = known_reals(name, value)
    if numbers is not None and not np.all(np.isfinite(numbers) & (numbers >= 0)):
        raise ValueError(
            f"{name} must be finite and >= 0, got {value}. To switch a penalty off, use 0 or leave it out."
        )


def scalar_like(name: str, value, like: Array) -> Scalar:
    """`value` as a scalar of the dtype of `like`.

    Raises:
        ValueError: for an array with axes.
    """
    if jnp.ndim(value) != 0:
        raise ValueError(
            f"{name} has shape {jnp.shape(value)} where one number is needed. "
            f"Map over a sweep with jax.vmap or equinox.filter_vmap."
        )
    return jnp.asarray(value, like.dtype)
