"""Checks of numbers that this room shares."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array


def as_float(value: Any) -> Array:
    """A number as a floating-point array, of the dtype it has or of JAX's default one."""
    return jnp.asarray(value, jnp.result_type(value, float))


def positive(name: str, value: Any) -> None:
    """Raise ValueError unless a number that is known is positive and finite."""
    if not isinstance(value, Tracer) and not (np.all(np.asarray(value) > 0) and np.all(np.isfinite(np.asarray(value)))):
        raise ValueError(f"{name} must be positive and finite; got {value}.")
