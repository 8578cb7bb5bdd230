"""Numerical ranks of two factors and of their product, such that they fit together."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# How far from the tolerance, as a factor either way, a singular value makes a rank doubtful.
MARGIN = 100.0


@dataclass(frozen=True)
class Ranks:
    """Ranks of a product C W of gates and weights.

    Attributes:
        weights: rank W.
        gates: rank C.
        function: rank C W.
    """

    weights: int
    gates: int
    function: int


@dataclass(frozen=True)
class Factors:
    """C and W, with the sizes against which their singular values are judged.

    Attributes:
        gates: C, shape (n, p).
        weights: W, shape (p, d).
        gates_size: the largest singular value of C, or of what C was before something was taken off.
        weights_size: that of W.
    """

    gates: NDArray[np.float64]
    weights: NDArray[np.float64]
    gates_size: float
    weights_size: float


def factors(gates: NDArray[np.float64], weights: NDArray[np.float64]) -> Factors:
    """C and W, each judged by its own size."""
    return Factors(gates, weights, float(np.linalg.norm(gates, 2)), float(np.linalg.norm(weights, 2)))


def ranks_of_product(product: Factors, tolerance: float) -> Ranks:
    """Ranks of C, W and C W, counting what exceeds a tolerance.

    A factor has as many directions as singular values above the tolerance times its size. The rank of the product is
    the number of cosines above the tolerance between what C reads and what W reaches: this keeps within the bounds
    that the ranks of the factors set, which thresholds for the singular values of C W do not.

    Args:
        product: C and W.
        tolerance: between 0 and 1.

    Returns:
        The three ranks.
    """
    read = _main_directions(product.gates.T, tolerance * product.gates_size)
    reached = _main_directions(product.weights, tolerance * product.weights_size)
    cosines = np.linalg.svd(read.T @ reached, compute_uv=False)
    return Ranks(reached.shape[1], read.shape[1], int(np.sum(cosines > tolerance)))


def as_table(name: str, values: ArrayLike, axes: tuple[str, ...]) -> NDArray[np.float64]:
    """Values as an array of double precision that has these axes and is finite.

    Args:
        name: what they are called in complaints.
        values: the values.
        axes: names of the axes.

    Raises:
        ValueError: for another number of axes, an axis of length 0, or values that are not finite.
    """
    table = np.asarray(values, np.float64)
    if table.ndim != len(axes) or not table.size or not np.all(np.isfinite(table)):
        raise ValueError(
            f"{name} must be finite and have the axes ({', '.join(axes)}), none of them empty; got shape "
            f"{table.shape}{'' if np.all(np.isfinite(table)) else ' with entries that are not finite'}."
        )
    return table


def gates_and_rows(gates: ArrayLike, weights: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gates (tasks, paths) and weights (paths, ...), the latter with one row per path.

    Raises:
        ValueError: for shapes that do not fit, or values that are not finite.
    """
    table = as_table("gates", gates, ("tasks", "paths"))
    rows = np.asarray(weights, np.float64)
    if rows.ndim > 2:
        rows = rows.reshape(rows.shape[0], math.prod(rows.shape[1:]))
    rows = as_table("weights", rows, ("paths", "entries"))
    check_paths(table.shape[1], rows.shape[0])
    return table, rows


def check_paths(of_gates: int, of_weights: int) -> None:
    """Refuses gates and weights of different numbers of paths.

    Raises:
        ValueError: if the numbers differ.
    """
    if of_gates != of_weights:
        raise ValueError(f"the gates have {of_gates} paths and the weights {of_weights}; give one gate for each path.")


def check_tolerance(tolerance: float) -> None:
    """Refuses a tolerance that is not between 0 and 1, or so close to either that its margins are not.

    Raises:
        ValueError: for such a tolerance.
    """
    if not 0 < tolerance * MARGIN < 1:
        raise ValueError(f"tolerance is {tolerance}; it must lie between 0 and {1 / MARGIN}.")


def _main_directions(matrix: NDArray[np.float64], cutoff: float) -> NDArray[np.float64]:
    """Orthonormal columns that span the image of a matrix, without directions of singular values up to a cutoff."""
    vectors, values, _ = np.linalg.svd(matrix, full_matrices=False)
    return vectors[:, values > cutoff]
