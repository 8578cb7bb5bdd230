"""Times as sums of durations: added up without drift, equal up to the rounding of what they are made of."""

import math

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

# The largest relative error of one operation in double precision.
_UNIT = float(np.finfo(np.float64).eps) / 2
# Operations behind a time as users write it down: decimal numbers, products, quotients, and the rounding of the sum.
_OPERATIONS = 4


def running_sums(durations: np.ndarray) -> np.ndarray:
    """`0, d_1, d_1 + d_2, ...` in double precision, each within a unit in the last place of the exact sum.

    What every addition loses is found exactly and added up as well: plain sums drift, in single precision by a block
    in a thousand after ten thousand of them.

    Args:
        durations: `(b,)`.

    Returns:
        `(b + 1,)`; infinite or NaN from where a sum is too large for double precision.

    Source: Ogita, Rump and Oishi, SIAM J. Sci. Comput. 26 (2005), algorithm 4.4 (`Sum2`).
    """
    terms, edges = durations.astype(np.float64), np.zeros(durations.size + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.cumsum(terms, out=edges[1:])
        before = edges[:-1].copy()
        added = sums - before
        sums += np.cumsum((before - (sums - added)) + (terms - added))
    return edges


def rounding(times: np.ndarray, sums: np.ndarray | int, *dtypes: DTypeLike) -> np.ndarray:
    """How far numbers that mean the same time may lie apart.

    Half a unit in the last place for every dtype that one of them was rounded to, and as much in double precision for
    every operation there.

    Args:
        times: `(t,)`.
        sums: `(t,)` or one for all, how many durations a time is the sum of.
        dtypes: of the durations, of what they are compared with; whole numbers are exact.

    Returns:
        `(t,)`, in the unit of the times.
    """
    halves = [float(jnp.finfo(dtype).eps) / 2 for dtype in dtypes if jnp.issubdtype(dtype, jnp.floating)]
    return times * (sum(halves) + (sums + _OPERATIONS) * _UNIT)


def spacing(time: float | np.ndarray, dtype: DTypeLike) -> float:
    """How far the numbers of a dtype lie apart near a time."""
    limits = jnp.finfo(dtype)
    return float(limits.eps) * 2.0 ** math.floor(math.log2(max(abs(float(time)), float(limits.tiny))))


def joined(times: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Positions `k` where ascending times `k` and `k + 1` are one number in a dtype."""
    with np.errstate(over="ignore"):
        rounded = times.astype(dtype)
    return np.flatnonzero(~(rounded[1:] > rounded[:-1]))
