"""The Hessian of the behavioural loss of a gated linear network: its spectrum, its rank, and what Laplace makes of it.

For L = 1/(2 M) |C' W' - C W|^2 at C' = C, W' = W it is J^T J / M, with J dtheta = dC W + C dW.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from ntadyn.degeneracy.closed_form.gated_linear import TOLERANCE
from ntadyn.degeneracy.closed_form.ranks import check_tolerance, factors, gates_and_rows, ranks_of_product


@dataclass(frozen=True)
class HessianCounts:
    """Directions that the loss sees to second order, and those it does not.

    Attributes:
        rank: D rank(C) + M rank(W) - rank(C) rank(W).
        nullity: M P + P D less the rank.
    """

    rank: int
    nullity: int


def jacobian_spectrum(gates: ArrayLike, weights: ArrayLike) -> Float[np.ndarray, "m d"]:
    """Eigenvalues of J J^T = C C^T x 1 + 1 x W^T W (Kronecker products): a_i + b_j.

    Args:
        gates: C, shape (tasks, paths).
        weights: W, shape (paths, ...), D entries in each path.

    Returns:
        Sums of an eigenvalue of C C^T and one of W^T W, both descending: shape (tasks, D).
    """
    table, rows = gates_and_rows(gates, weights)
    of_gates, of_weights = np.zeros(table.shape[0]), np.zeros(rows.shape[1])
    for squares, matrix in ((of_gates, table), (of_weights, rows)):
        values = np.linalg.svd(matrix, compute_uv=False)
        squares[: values.size] = values**2
    return of_gates[:, None] + of_weights[None, :]


def hessian_counts(gates: ArrayLike, weights: ArrayLike, tolerance: float = TOLERANCE) -> HessianCounts:
    """Rank and nullity; a_i + b_j is zero only where both are.

    Args:
        gates: C, shape (tasks, paths).
        weights: W, shape (paths, ...).
        tolerance: relative to the largest singular value of C, and of W, what counts as zero.
    """
    check_tolerance(tolerance)
    table, rows = gates_and_rows(gates, weights)
    found = ranks_of_product(factors(table, rows), tolerance)
    rank = found.gates * rows.shape[1] + found.weights * table.shape[0] - found.gates * found.weights
    return HessianCounts(rank, table.size + rows.size - rank)


def laplace_dimension(gates: ArrayLike, weights: ArrayLike, inverse_temperature: float, localisation: float) -> float:
    """1/2 sum_ij t kappa_ij / (t kappa_ij + gamma), kappa_ij = (a_i + b_j) / M: t E[L] of the quadratic approximation.

    Args:
        gates: C, shape (tasks, paths).
        weights: W, shape (paths, ...).
        inverse_temperature: t >= 0.
        localisation: gamma > 0, the precision of the Gaussian around the point.
    """
    if not (inverse_temperature >= 0 and localisation > 0):
        raise ValueError(
            f"laplace_dimension: got inverse temperature {inverse_temperature} and localisation {localisation}; give "
            f"an inverse temperature of 0 or more, and a positive localisation."
        )
    spectrum = jacobian_spectrum(gates, weights)
    resolved = inverse_temperature * spectrum / spectrum.shape[0]
    return float(np.sum(resolved / (resolved + localisation)) / 2)
