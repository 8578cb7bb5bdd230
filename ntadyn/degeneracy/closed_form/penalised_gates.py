"""Learning coefficients of gated linear networks whose gates pay for leaving norm one, and for being negative.

The loss is that of `gated_linear` plus, for the gates c of every task, penalties that vanish where c >= 0 and the norm
is one: `UnitL1Norm`, `UnitL2Norm` and `Nonnegativity` of any positive strength.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.closed_form.deep_linear import two_layer_at
from ntadyn.degeneracy.closed_form.exact import Exact, regular
from ntadyn.degeneracy.closed_form.gated_linear import TOLERANCE, GatedCoefficient, at_ranks
from ntadyn.degeneracy.closed_form.ranks import Factors, Ranks, factors, gates_and_rows


def gated_with_l1(gates: ArrayLike, weights: ArrayLike, tolerance: float = TOLERANCE) -> GatedCoefficient:
    """With |c|_1 = 1 and c >= 0 for every task: M (D + 1) / 2 if the tasks' gates are independent.

    Where all gates are positive, nothing but sum_p c_p = 1 is asked of them, and the coefficient is known at any ranks.
    Take 1 as the first vector of a basis of paths: the gates of this direction are held at one, which is M
    conditions, and its weights are free, which makes the mean of F over tasks D coordinates. What is left is the map
    of M - 1 differences of tasks through P - 1 differences of paths:

        lambda = (M + D) / 2 + lambda_loc, `two_layer_at` with D inputs, P - 1 hidden units and M - 1 outputs.

    Some gates at zero do not change M (D + 1) / 2: F and the sums of gates can be kept by moving weights while the
    gates move freely, and a corner of their space is a fixed share of it. For dependent gates at zero, the corner may
    meet the singular part, and this function refuses.

    Args:
        gates: C, shape (tasks, paths), rows that sum to one, none negative.
        weights: W, shape (paths, ...).
        tolerance: what counts as zero: relative to the largest singular value, in the cosines of `ranks_of_product`,
            and in gates.

    Returns:
        The coefficient, and the ranks of what is left once means over tasks and over paths are taken off.

    Raises:
        ValueError: where a penalty is not zero, for gates that touch zero and are dependent or nearly so, and as in
            `gated_linear`.
    """
    table, rows = gates_and_rows(gates, weights)
    _check_feasible(table, np.abs(table.sum(1) - 1), "sum to one", tolerance)
    tasks, paths = table.shape
    entries = rows.shape[1]
    at_corner = bool(np.any(table <= tolerance))

    def coefficient(ranks: tuple[Ranks, ...]) -> Exact:
        (left,) = ranks
        found = regular(tasks + entries) + two_layer_at(
            entries, paths - 1, tasks - 1, left.weights, left.gates, left.function
        )
        if at_corner and left.gates < tasks - 1:
            held = regular(tasks * paths + (left.gates + 1) * entries)
            raise ValueError(
                f"gated_with_l1: the gates of the {tasks} tasks have only {left.gates + 1} independent rows, or "
                f"nearly so, and touch zero, and no exact coefficient is known there; it lies between "
                f"{found.coefficient}, that of positive gates, and {held.coefficient}, that of gates held where they "
                f"are. Give positive or independent gates, or sample."
            )
        return found

    whole, centred = factors(table, rows), table - table.mean(0)
    centred -= centred.mean(1, keepdims=True)
    differences = Factors(centred, rows - rows.mean(0), whole.gates_size, whole.weights_size)
    return at_ranks([differences], tolerance, coefficient)


def gated_with_l1_and_l2(gates: ArrayLike, weights: ArrayLike, tolerance: float = TOLERANCE) -> GatedCoefficient:
    """With |c|_1 = |c|_2 = 1 and c >= 0 for every task: (M P + rank(C) D) / 2, that is M (D + P) / 2 if independent.

    Every task uses one path. Near there, with s the sum of its other gates, |c|_1 = 1 holds c_p at 1 - s, and then
    |c|_2 = 1 - s + O(s^2): a penalty below eps leaves all P gates within O(sqrt eps) of where they are, where they
    change F by as little. So the gates count as P / 2 for each task, and the weights as if the gates were fixed.

    Args:
        gates: C, shape (tasks, paths), one gate of each row at one and the others at zero.
        weights: W, shape (paths, ...).
        tolerance: see `gated_with_l1`.

    Returns:
        The coefficient, and the ranks of C, W and C W.

    Raises:
        ValueError: where a penalty is not zero, and see `gated_linear`.
    """
    table, rows = gates_and_rows(gates, weights)
    nearest = np.eye(table.shape[1])[table.argmax(1)]
    _check_feasible(table, np.abs(table - nearest).max(1), "be one at one path and zero elsewhere", tolerance)
    return at_ranks(
        [factors(table, rows)], tolerance, lambda ranks: regular(table.size + ranks[0].gates * rows.shape[1])
    )


def _check_feasible(table: NDArray[np.float64], error: NDArray[np.float64], rule: str, tolerance: float) -> None:
    """Refuses gates that pay a penalty."""
    if np.any(error > tolerance) or np.any(table < -tolerance):
        raise ValueError(
            f"the gates of every task must {rule}, and none may be negative, or the penalty is not zero here and "
            f"there is no coefficient; off by {error.max():.3g}, lowest gate {table.min():.3g}, tolerance {tolerance}."
        )
