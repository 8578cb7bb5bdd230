"""Checks of numbers that this room shares."""

import numpy as np
from jax.core import Tracer
from jaxtyping import Array


def positive(name: str, value: Array | float | int) -> None:
    """Raise ValueError unless a number that is known is positive and finite."""
    if not isinstance(value, Tracer) and not (np.all(np.asarray(value) > 0) and np.all(np.isfinite(np.asarray(value)))):
        raise ValueError(f"{name} must be positive and finite; got {value}.")
