"""One rotation that makes several symmetric matrices as diagonal as it can."""

import numpy as np
from numpy.typing import NDArray

MOST_SWEEPS = 100
STILL = 1e-14


def joint_diagonaliser(symmetric: NDArray[np.float64]) -> NDArray[np.float64]:
    """The orthogonal Q with the least sum_m |off(Q^T A_m Q)|^2, by Jacobi rotations.

    Args:
        symmetric: A, shape (m, n, n).

    Returns:
        Q, shape (n, n). For one matrix its columns are the eigenvectors.

    Source: Cardoso, Souloumiac, SIAM J. Matrix Anal. Appl. 17, 161 (1996), real case.
    """
    rotated = np.array(symmetric, np.float64)
    size = rotated.shape[-1]
    rotation = np.eye(size)
    least = (STILL * np.max(np.abs(rotated), initial=0.0)) ** 2
    for _ in range(MOST_SWEEPS):
        largest = 0.0
        for one in range(size - 1):
            for other in range(one + 1, size):
                angle = _best_angle(rotated[:, one, one] - rotated[:, other, other], 2 * rotated[:, one, other], least)
                largest = max(largest, abs(angle))
                turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
                pair = [one, other]
                rotated[:, :, pair] = rotated[:, :, pair] @ turn
                rotated[:, pair, :] = turn.T @ rotated[:, pair, :]
                rotation[:, pair] = rotation[:, pair] @ turn
        if largest < STILL:
            break
    return rotation


def _best_angle(differences: NDArray[np.float64], twice_off: NDArray[np.float64], least: float) -> float:
    """The angle that most empties a_12 of all matrices: it turns the vectors (a_11 - a_22, 2 a_12) by twice itself."""
    aligned = differences @ differences - twice_off @ twice_off
    crossed = 2 * differences @ twice_off
    # Where all matrices are multiples of one, only rounding would turn.
    return float(0.25 * np.arctan2(crossed, aligned)) if np.hypot(aligned, crossed) > least else 0.0
