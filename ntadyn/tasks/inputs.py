"""How inputs are distributed: their second moments, kept in the eigenbasis.

White inputs need none of this. Everything else is scaled to the power of white inputs, E|x|^2 = d_in, unless a matrix
is given as it is.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Array, Float

from ntadyn.decompositions import eigh

# Variances closer than this, in units of the largest, are taken for equal by `InputCovariance.groups`.
SAME_VARIANCE = 1e-10


class InputCovariance(eqx.Module):
    """Sigma = E[x x^T] = V diag(v) V^T of the inputs, kept in its eigenbasis.

    Make one from a matrix by `InputCovariance.from_matrix`, along the axes by `along_axes` or `power_law`, or from
    inputs of your own by `from_data`.

    Attributes:
        variances: v, shape (d_in,), nonnegative.
        directions: V, columns are directions, shape (d_in, d_in).

    Raises:
        ValueError: for variances that are negative or not finite.
    """

    variances: Float[Array, " i"]
    directions: Float[Array, "i i"]

    def __check_init__(self):
        known = not isinstance(self.variances, Tracer)
        if known and not bool(jnp.all((self.variances >= 0) & jnp.isfinite(self.variances))):
            raise ValueError(
                f"variances of inputs must be zero or positive, and finite; the smallest is {jnp.min(self.variances)}, "
                f"the largest {jnp.max(self.variances)}."
            )

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> "InputCovariance":
        """Diagonalise a covariance matrix, which is taken as it is.

        Args:
            matrix: Sigma, symmetric and positive semi-definite, shape (d_in, d_in).

        Raises:
            ValueError: if the matrix is not square, symmetric and positive semi-definite.
        """
        matrix = jnp.asarray(matrix)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"an input covariance must be a square matrix; got shape {matrix.shape}.")
        variances, directions = eigh(matrix)
        # Inside jit even a known matrix has traced eigenvalues.
        if not isinstance(variances, Tracer):
            tolerance = 1e3 * jnp.finfo(matrix.dtype).eps * jnp.max(jnp.abs(matrix))
            if not bool(jnp.all(jnp.abs(matrix - matrix.T) <= tolerance)):
                raise ValueError("an input covariance must be symmetric; pass (S + S.T) / 2.")
            if bool(jnp.any(variances < -tolerance)):
                raise ValueError(f"an input covariance must have eigenvalues >= 0; the smallest is {variances[0]}.")
        return cls(jnp.maximum(variances, 0), directions)

    def matrix(self) -> Float[Array, "i i"]:
        """Sigma itself."""
        return (self.directions * self.variances[None]) @ self.directions.T

    def groups(self, tolerance: float = SAME_VARIANCE) -> tuple[Float[Array, " g"], Float[Array, "g i"]]:
        """The distinct variances, and which directions have them.

        Args:
            tolerance: variances closer than this share of the largest are taken for equal, and get their mean. Traced
                variances are all kept apart.

        Returns:
            Variances, shape (groups,), and 1 for every direction of a group and 0 for the others, shape (groups, d_in).
        """
        count = self.variances.shape[0]
        if isinstance(self.variances, Tracer):
            return self.variances, jnp.eye(count, dtype=self.variances.dtype)
        values = np.asarray(self.variances)
        order = np.argsort(values, kind="stable")
        starts = np.insert(np.diff(values[order]) > tolerance * values.max(), 0, True)
        number = np.empty(count, int)
        number[order] = np.cumsum(starts) - 1
        members = (np.arange(number.max() + 1)[:, None] == number[None]).astype(values.dtype)
        return jnp.asarray(members @ values / members.sum(1)), jnp.asarray(members)


def along_axes(variances: ArrayLike) -> InputCovariance:
    """Sigma = diag(v), scaled to trace d_in: every input has a variance of its own.

    Args:
        variances: v up to a common factor, shape (d_in,); may be traced.

    Raises:
        ValueError: for variances that are negative, not finite, or all zero.
    """
    given = jnp.asarray(variances)
    if given.ndim != 1 or given.shape[0] == 0:
        raise ValueError(f"variances have shape {given.shape}; give one number per input, shape (d_in,).")
    if not isinstance(given, Tracer) and bool(jnp.sum(given) == 0):
        raise ValueError(
            "the variances of all inputs are zero, so that there is nothing to learn from; make one positive."
        )
    number = given.shape[0]
    return InputCovariance(number * given / jnp.sum(given), jnp.eye(number, dtype=given.dtype))


def power_law(d_in: int, exponent: float | Float[Array, ""], dtype: DTypeLike | None = None) -> InputCovariance:
    """v_i = d_in i^-alpha / sum_j j^-alpha, i = 1, ..., d_in: the spectrum of natural signals; white for alpha = 0.

    Args:
        d_in: number of inputs.
        exponent: alpha; may be traced.
        dtype: floating dtype; JAX's default one if omitted.

    Raises:
        ValueError: for an exponent that is not finite.
    """
    dtype = jnp.zeros(()).dtype if dtype is None else dtype
    ranks = jnp.arange(1, d_in + 1, dtype=dtype)
    return along_axes(jnp.exp(-jnp.asarray(exponent, dtype) * jnp.log(ranks)))


def from_data(inputs: ArrayLike) -> InputCovariance:
    """The covariance of inputs of your own, centred, and scaled to trace d_in.

    Args:
        inputs: one input per row, shape (number, d_in), for example the pixels of images.

    Raises:
        ValueError: for fewer than two rows, numbers that are not finite, or inputs that never change.
    """
    rows = np.asarray(inputs)
    if rows.ndim != 2 or rows.shape[0] < 2 or not np.all(np.isfinite(rows)):
        raise ValueError(
            f"inputs have shape {rows.shape}; give at least two rows of finite numbers, one input per row."
        )
    centred = rows - rows.mean(0, keepdims=True)
    covariance = centred.T @ centred / len(rows)
    power = np.trace(covariance)
    if not power > 0:
        raise ValueError("the inputs are all the same; a covariance needs inputs that differ.")
    return InputCovariance.from_matrix(jnp.asarray(covariance * (len(covariance) / power)))
