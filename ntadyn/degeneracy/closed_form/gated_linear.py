"""Learning coefficients of gated linear networks whose gates and weights are both parameters.

The gates of M tasks are the rows of a table C (tasks, paths); the weights of P paths are the rows of W (paths, D), with
D = d_out d_in. The maps of all tasks, F = C W, are those of a linear network of two layers. Every coefficient here is
that of the behavioural loss 1/(2 M) |C W - F|^2 around the given point, which is zero there whether the point is
trained or not. Correlated inputs do not change it as long as their covariance is invertible.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from ntadyn.degeneracy.closed_form.deep_linear import two_layer_at
from ntadyn.degeneracy.closed_form.exact import Exact, regular
from ntadyn.degeneracy.closed_form.ranks import (
    MARGIN,
    Factors,
    Ranks,
    as_table,
    check_paths,
    check_tolerance,
    factors,
    gates_and_rows,
    ranks_of_product,
)

TOLERANCE = 1e-6


@dataclass(frozen=True)
class GatedCoefficient:
    """An exact coefficient, and the numerical ranks it rests on.

    Attributes:
        exact: the coefficient and its multiplicity.
        ranks: the ranks used: one entry, or one for each output neuron that has gates of its own.
        neighbours: what would hold with a tolerance 100 times larger, and 100 times smaller, where ranks differ;
            empty if the ranks are beyond doubt.
    """

    exact: Exact
    ranks: tuple[Ranks, ...]
    neighbours: tuple["GatedCoefficient", ...] = ()


def gated_linear(gates: ArrayLike, weights: ArrayLike, tolerance: float = TOLERANCE) -> GatedCoefficient:
    """`y_m = sum_p C_mp W^p x`: `two_layer_at` with D inputs, P hidden units and M outputs.

    If rank C = M, whatever else the network does, lambda = M D / 2.

    Args:
        gates: C, shape (tasks, paths).
        weights: W, shape (paths, ...).
        tolerance: relative to the largest singular value of C, and of W, what counts as zero.

    Returns:
        The coefficient and the ranks.

    Raises:
        ValueError: for shapes that do not fit, values that are not finite, or a tolerance that is not small.
    """
    blocks = [factors(*gates_and_rows(gates, weights))]
    return at_ranks(blocks, tolerance, lambda ranks: _of_blocks(blocks, ranks))


def one_task(gates: ArrayLike, weights: ArrayLike, task: int, tolerance: float = TOLERANCE) -> GatedCoefficient:
    """The loss of one task alone: D / 2 unless all its gates are zero.

    Args:
        gates: C, shape (tasks, paths).
        weights: W, shape (paths, ...).
        task: which row of C.
        tolerance: see `gated_linear`.
    """
    table = as_table("gates", gates, ("tasks", "paths"))
    if not 0 <= task < table.shape[0]:
        raise ValueError(f"task is {task}; the table has gates of tasks 0 to {table.shape[0] - 1}.")
    return gated_linear(table[task : task + 1], weights, tolerance)


def neuron_gated(gates: ArrayLike, weights: ArrayLike, tolerance: float = TOLERANCE) -> GatedCoefficient:
    """`y_mi = sum_p C_mpi (W^p x)_i`: output neurons share no parameter, so their coefficients add up.

    Args:
        gates: C, shape (tasks, paths, d_out).
        weights: W, shape (paths, d_out, d_in).
        tolerance: see `gated_linear`.
    """
    table = as_table("gates", gates, ("tasks", "paths", "d_out"))
    every = as_table("weights", weights, ("paths", "d_out", "d_in"))
    check_paths(table.shape[1], every.shape[0])
    if table.shape[2] != every.shape[1]:
        raise ValueError(f"gates are for {table.shape[2]} output neurons, and weights for {every.shape[1]}.")
    blocks = [factors(table[:, :, i], every[:, i]) for i in range(table.shape[2])]
    return at_ranks(blocks, tolerance, lambda ranks: _of_blocks(blocks, ranks))


def fully_connected(second: ArrayLike, first: ArrayLike, tolerance: float = TOLERANCE) -> GatedCoefficient:
    """`y_m = B_m W1 x`: the second layers of all tasks, one above the other, are gates of single hidden units.

    Args:
        second: B, shape (tasks, d_out, hidden).
        first: W1, shape (hidden, d_in).
        tolerance: see `gated_linear`.
    """
    layers = as_table("second", second, ("tasks", "d_out", "hidden"))
    return gated_linear(layers.reshape(-1, layers.shape[2]), first, tolerance)


def weights_only(gates: ArrayLike, weights: ArrayLike, tolerance: float = TOLERANCE) -> GatedCoefficient:
    """Gates held fixed: a linear model of the weights, rank(C) D / 2.

    Args:
        gates: C, shape (tasks, paths).
        weights: W, shape (paths, ...).
        tolerance: see `gated_linear`.
    """
    table, rows = gates_and_rows(gates, weights)
    return at_ranks([factors(table, rows)], tolerance, lambda ranks: regular(ranks[0].gates * rows.shape[1]))


def gates_only(gates: ArrayLike, weights: ArrayLike, tolerance: float = TOLERANCE) -> GatedCoefficient:
    """Weights held fixed: a linear model of the gates, M rank(W) / 2.

    Args:
        gates: C, shape (tasks, paths).
        weights: W, shape (paths, ...).
        tolerance: see `gated_linear`.
    """
    table, rows = gates_and_rows(gates, weights)
    return at_ranks([factors(table, rows)], tolerance, lambda ranks: regular(table.shape[0] * ranks[0].weights))


def at_ranks(
    blocks: Sequence[Factors], tolerance: float, coefficient: Callable[[tuple[Ranks, ...]], Exact]
) -> GatedCoefficient:
    """A coefficient at the ranks of blocks of gates and weights, and at those of other tolerances nearby.

    Args:
        blocks: pairs of gates and weights.
        tolerance: see `gated_linear`.
        coefficient: what it is, given the ranks of all blocks.
    """
    check_tolerance(tolerance)
    here, *others = (
        tuple(ranks_of_product(block, tolerance * factor) for block in blocks) for factor in (1.0, MARGIN, 1 / MARGIN)
    )
    neighbours = [GatedCoefficient(coefficient(ranks), ranks) for ranks in dict.fromkeys(others) if ranks != here]
    return GatedCoefficient(coefficient(here), here, tuple(neighbours))


def _of_blocks(blocks: Sequence[Factors], ranks: tuple[Ranks, ...]) -> Exact:
    """The sum of what `two_layer_at` says of every block."""
    total = regular(0)
    for block, found in zip(blocks, ranks, strict=True):
        outputs, hidden = block.gates.shape
        inputs = block.weights.shape[1]
        total += two_layer_at(inputs, hidden, outputs, found.weights, found.gates, found.function)
    return total
