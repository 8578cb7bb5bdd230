"""Penalties from the relative weights of the published configurations."""

import numpy as np

from ntadyn.regularizers.coefficients import Coefficient, check_nonnegative, is_concrete
from ntadyn.regularizers.penalty import AbstractPenalty
from ntadyn.regularizers.terms import from_coefficients

_FACTORS = {"nonnegative": 10.0, "unit_l1": 10.0, "unit_l2": 1.0, "frobenius": 1.0}
_FACTORS |= dict.fromkeys(("l1", "l2", "column_l1", "column_l2"), 0.5)


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

    The sum runs over all listed weights: listing one more term dilutes the others. The factors `f_r` are 10
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

    Source: published code of arXiv 2411.03840.
    """
    check_nonnegative("strength", strength)
    given = {
        "nonnegative": nonnegative,
        "unit_l1": unit_l1,
        "unit_l2": unit_l2,
        "l1": l1,
        "l2": l2,
        "column_l1": column_l1,
        "column_l2": column_l2,
        "frobenius": frobenius,
    }
    listed = {name: weight for name, weight in given.items() if weight is not None}
    for name, weight in listed.items():
        check_nonnegative(f"the relative weight {name}", weight)
    total = sum(listed.values(), start=0.0)
    if listed and is_concrete(total) and not np.all(np.asarray(total) > 0):
        raise ValueError(
            f"The relative weights {listed} sum to zero, which leaves their shares undefined. "
            f"Give at least one positive weight; to switch everything off use strength 0 or list no weight."
        )
    return from_coefficients({name: _FACTORS[name] * strength * weight / total for name, weight in listed.items()})
