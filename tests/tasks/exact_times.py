"""Times without rounding, and how far those of the dtype in force may lie from them."""

from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np

decimals = st.builds(lambda digits, power: Decimal(digits).scaleb(power), st.integers(1, 99_999), st.integers(-6, 2))
# No block so short that single precision could not tell its end from its start.
durations_lists = st.lists(st.floats(1e-2, 1e3), min_size=1, max_size=12)


def default_dtype():
    return np.zeros(()).astype(jnp.result_type(float)).dtype


def eps():
    return float(jnp.finfo(default_dtype()).eps)


def exact_edges(durations):
    """Exact sums, each rounded once."""
    kind = durations.dtype.type
    sums = accumulate(Fraction(float(duration)) for duration in np.asarray(durations))
    return np.array([0.0, *(float(total) for total in sums)]).astype(kind)
