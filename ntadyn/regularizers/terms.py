"""Penalties by name: which parameter group each acts on, and all of them from their coefficients."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ntadyn.regularizers.coefficients import Coefficient, check_nonnegative
from ntadyn.regularizers.gate_penalties import Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.regularizers.norm_penalties import L1, L2, ColumnL1, ColumnL2, Frobenius
from ntadyn.regularizers.penalty import AbstractPenalty, combine

TERMS: Mapping[str, Mapping[str, Callable[[Coefficient], AbstractPenalty]]] = MappingProxyType(
    {
        "gates": {"nonnegative": Nonnegativity, "unit_l1": UnitL1Norm, "unit_l2": UnitL2Norm, "l1": L1, "l2": L2},
        "weights": {"column_l1": ColumnL1, "column_l2": ColumnL2, "frobenius": Frobenius},
    }
)
"""Parameter group -> name -> penalty with one coefficient."""


def from_coefficients(coefficients: Mapping[str, Coefficient]) -> dict[str, AbstractPenalty]:
    """`sum_r k_r R_r`: penalties as they enter the energy.

    Args:
        coefficients: name of a term (see `TERMS`) -> k >= 0; an array gives penalties to map over.

    Returns:
        The penalties by parameter group, "gates" and "weights"; a group without terms is absent.

    Raises:
        ValueError: for an unknown name, or a coefficient that is negative or not finite.
    """
    known = [name for terms in TERMS.values() for name in terms]
    if unknown := coefficients.keys() - known:
        raise ValueError(f"there are no penalties {sorted(unknown)}; choose from {known}.")
    for name, k in coefficients.items():
        check_nonnegative(f"the coefficient {name}", k)
    return {
        group: combine(kind(coefficients[name]) for name, kind in terms.items() if name in coefficients)
        for group, terms in TERMS.items()
        if coefficients.keys() & terms.keys()
    }
