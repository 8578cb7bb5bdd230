"""Singular values of random weights (Marchenko-Pastur) and of students.

A matrix of m rows and n columns with independent entries N(0, sigma^2/n) has, for large sizes, eigenvalues of
W W^T distributed on sigma^2 [(1 - sqrt g)^2, (1 + sqrt g)^2] with ratio g = m/n. Rows are outputs and columns are
inputs, so the initial weights of a network are of this kind with sigma its initialisation scale.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Equal steps in the angle that parametrises the support; the integrands have at most a square-root edge there.
_QUADRATURE_POINTS = 2000


def singular_values(weights: Float[Array, "*batch o i"]) -> Float[Array, "*batch k"]:
    """s_1 >= s_2 >= ... of every matrix.

    Args:
        weights: matrices, shape (..., d_out, d_in).

    Returns:
        Singular values in decreasing order, shape (..., min(d_out, d_in)).
    """
    return jnp.linalg.svd(weights, compute_uv=False)


def marchenko_pastur_edges(
    rows: int, columns: int, sigma: float | Float[Array, ""] = 1.0
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """l_-, l_+ = sigma^2 (1 -+ sqrt g)^2 with g = rows/columns: the edges of the eigenvalues of W W^T.

    Args:
        rows: number of rows (outputs).
        columns: number of columns (inputs); entries have variance sigma^2/columns.
        sigma: scale of the entries.

    Returns:
        Lower and upper edge; their square roots are the edges of the singular values.

    Raises:
        ValueError: unless both sizes are positive.

    Source: Marchenko and Pastur 1967; arXiv 2411.03840, initial student spectrum.
    """
    root_ratio = math.sqrt(_ratio(rows, columns))
    variance = _floating(sigma) ** 2
    return variance * (1 - root_ratio) ** 2, variance * (1 + root_ratio) ** 2


def marchenko_pastur_density(
    eigenvalue: Float[Array, "*batch"], rows: int, columns: int, sigma: float | Float[Array, ""] = 1.0
) -> Float[Array, "*batch"]:
    """rho(l) = sqrt((l_+ - l)(l - l_-)) / (2 pi g l sigma^2), the density of the eigenvalues of W W^T.

    Args:
        eigenvalue: where to evaluate, any shape.
        rows: number of rows (outputs).
        columns: number of columns (inputs); entries have variance sigma^2/columns.
        sigma: scale of the entries.

    Returns:
        Density, same shape, 0 outside of the support (and at l = 0, where square matrices have a pole). With more
        rows than columns it integrates to columns/rows: the other eigenvalues are exactly 0. The mean is sigma^2.

    Raises:
        ValueError: unless both sizes are positive.

    Source: Marchenko and Pastur 1967.
    """
    ratio = _ratio(rows, columns)
    variance = jnp.asarray(sigma, eigenvalue.dtype) ** 2
    lower, upper = variance * (1 - math.sqrt(ratio)) ** 2, variance * (1 + math.sqrt(ratio)) ** 2
    inside = (eigenvalue > lower) & (eigenvalue < upper)
    value = jnp.where(inside, eigenvalue, jnp.ones_like(eigenvalue))
    spread = jnp.where(inside, (upper - eigenvalue) * (eigenvalue - lower), jnp.ones_like(eigenvalue))
    density = jnp.sqrt(spread) / (2 * math.pi * ratio * value * variance)
    return jnp.where(inside, density, jnp.zeros_like(density))


def mean_singular_value(rows: int, columns: int, sigma: float | Float[Array, ""] = 1.0) -> Float[Array, ""]:
    """E[s] = int sqrt(l) rho(l) dl over the min(rows, columns) singular values, for large sizes.

    The root mean square of all `rows` singular values is sigma; the mean is smaller (8/(3 pi) sigma for a square
    matrix). The published code reports sigma^2 as the expected singular value.

    Args:
        rows: number of rows (outputs).
        columns: number of columns (inputs); entries have variance sigma^2/columns.
        sigma: scale of the entries.

    Returns:
        A scalar.

    Raises:
        ValueError: unless both sizes are positive.

    Source: Marchenko and Pastur 1967.
    """
    values, probabilities = _unit_spectrum(rows, columns)
    return _floating(sigma) * float(np.sum(values * probabilities))


def initial_singular_values(d_out: int, d_in: int, scale: float | Float[Array, ""]) -> Float[Array, " k"]:
    """s_k = sqrt(F^{-1}(1 - (k - 1/2)/K)), K = min(d_out, d_in): the typical spectrum of a student at the start.

    Divide by the singular value of the teacher to get the relative size of initial students.

    Args:
        d_out: number of outputs.
        d_in: number of inputs.
        scale: initialisation scale sigma_0; entries have variance sigma_0^2/d_in.

    Returns:
        Quantiles of the Marchenko-Pastur law, in decreasing order, shape (min(d_out, d_in),). They stay inside its
        edges; the largest value of one random matrix scatters around the upper edge.

    Raises:
        ValueError: unless both sizes are positive.

    Source: arXiv 2411.03840, initial student spectrum (figure A1).
    """
    values, probabilities = _unit_spectrum(d_out, d_in)
    count = min(d_out, d_in)
    cumulative = np.cumsum(probabilities) - probabilities / 2
    wanted = 1 - (np.arange(count) + 0.5) / count
    scale = _floating(scale)
    return scale * jnp.asarray(np.interp(wanted, cumulative, values), scale.dtype)


def _ratio(rows: int, columns: int) -> float:
    if rows < 1 or columns < 1:
        raise ValueError(f"a matrix of {rows} rows and {columns} columns has no spectrum; give positive sizes.")
    return rows / columns


def _floating(value: float | Array) -> Array:
    return value if isinstance(value, Array) else jnp.asarray(value, jnp.zeros(()).dtype)


def _unit_spectrum(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Nonzero singular values in increasing order and their probabilities, for sigma = 1."""
    # A matrix and its transpose share their nonzero singular values; the flat one has no zeros to take care of.
    short, long = min(rows, columns), max(rows, columns)
    root_ratio = math.sqrt(_ratio(short, long))
    # l = 1 + g + 2 sqrt(g) cos(theta) turns rho(l) dl into 2 sin(theta)^2 dtheta / (pi l): no edges, and no pole.
    theta = (np.arange(_QUADRATURE_POINTS)[::-1] + 0.5) * math.pi / _QUADRATURE_POINTS
    eigenvalue = 1 + root_ratio**2 + 2 * root_ratio * np.cos(theta)
    probabilities = 2 * np.sin(theta) ** 2 / eigenvalue / _QUADRATURE_POINTS
    return np.sqrt(eigenvalue * long / columns), probabilities / probabilities.sum()
