"""Penalties from the relative weights of the published configurations."""

import numpy as np

from ntadyn.regularizers.coefficients import Coefficient, check_nonnegative, is_concrete
from ntadyn.regularizers.gate_penalties import Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.regularizers.norm_penalties import L1, L2, ColumnL1, ColumnL2, Frobenius
from ntadyn.regularizers.penalty import AbstractPenalty, combine


def from_relative_weights(
    strength: Coefficient,
    *,
    nonnegative: Coefficient | None = None,
    unit_l1: Coefficient | None = None,
    unit_l2: Coefficient | None = None,
    l1: Coefficient | None = None,
    l2: Coefficient | None = None,
    column_l1: Coefficient | None = None,
    column_l2: Coefficient | None = None,
    frobenius: Coefficient | None = None,
) -> dict[str, AbstractPenalty]:
    """`k_r = f_r strength w_r / sum_r w_r`: penalties in the relative weights of the published configurations.

    The sum runs over all listed weights, so that listing one more term dilutes the others. The factors `f_r` are 10
    (`nonnegative`, `unit_l1`), 1 (`unit_l2`, `frobenius`) and 1/2 (`l1`, `l2`, `column_l1`, `column_l2`).

    Args:
        strength: overall regularisation strength, >= 0; an array gives penalties to map over.
        nonnegative: relative weight of `Nonnegativity` on the gates; None leaves the term out.
        unit_l1: relative weight of `UnitL1Norm` on the gates.
        unit_l2: relative weight of `UnitL2Norm` on the gates.
        l1: relative weight of `L1` on the gates.
        l2: relative weight of `L2` on the gates.
        column_l1: relative weight of `ColumnL1` on the weights.
        column_l2: relative weight of `ColumnL2` on the weights.
        frobenius: relative weight of `Frobenius` on the weights.

    Returns:
        The penalties by parameter group, "gates" and "weights"; a group without terms is absent.

    Raises:
        ValueError: if the strength or a weight is negative or not finite, or if all listed weights are zero.

    Source: published code of arXiv 2411.03840
    """
    check_nonnegative("strength", strength)
    published = {
        "gates": (
            ("nonnegative", nonnegative, 10.0, Nonnegativity),
            ("unit_l1", unit_l1, 10.0, UnitL1Norm),
            ("unit_l2", unit_l2, 1.0, UnitL2Norm),
            ("l1", l1, 0.5, L1),
            ("l2", l2, 0.5, L2),
        ),
        "weights": (
            ("column_l1", column_l1, 0.5, ColumnL1),
            ("column_l2", column_l2, 0.5, ColumnL2),
            ("frobenius", frobenius, 1.0, Frobenius),
        ),
    }
    listed = [(name, weight) for rows in published.values() for name, weight, _, _ in rows if weight is not None]
    for name, weight in listed:
        check_nonnegative(f"the relative weight {name}", weight)
    total = sum((weight for _, weight in listed), start=0.0)
    if listed and is_concrete(total) and not np.all(np.asarray(total) > 0):
        raise ValueError(
            f"The relative weights {dict(listed)} sum to zero, so that their shares are undefined. "
            f"Give at least one positive weight; to switch everything off use strength 0 or list no weight."
        )
    return {
        group: combine(
            kind(factor * strength * weight / total) for _, weight, factor, kind in rows if weight is not None
        )
        for group, rows in published.items()
        if any(weight is not None for _, weight, _, _ in rows)
    }
