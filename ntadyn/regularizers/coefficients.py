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


def known_reals(name: str, value) -> np.ndarray | None:
    """`value` in double precision, or None where it is not known now: traced, a shape, or left out.

    Raises:
        ValueError: for what is not made of real numbers.
    """
    if value is None or isinstance(value, Tracer) or (hasattr(value, "dtype") and not is_concrete(value)):
        return None
    try:
        # By way of Python's numbers, of which those beyond 2^63 are no numbers to NumPy.
        return np.asarray(float(value) if isinstance(value, int) else value).astype(np.float64, casting="same_kind")
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a real number, got {value!r}.") from None


def check_nonnegative(name: str, value) -> None:
    """Raise if a known `value` is no real number, negative or not finite; traced values pass unchecked."""
    numbers = known_reals(name, value)
    if numbers is not None and not np.all(np.isfinite(numbers) & (numbers >= 0)):
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
