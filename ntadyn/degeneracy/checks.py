"""Checks of numbers that this room shares."""

from typing import Any

import numpy as np
from jax.core import Tracer


def positive(name: str, value: Any) -> None:
    """Raise ValueError unless a number that is known is positive and finite."""
    if not isinstance(value, Tracer) and not (np.all(np.asarray(value) > 0) and np.all(np.isfinite(np.asarray(value)))):
        raise ValueError(f"{name} must be positive and finite; got {value}.")
