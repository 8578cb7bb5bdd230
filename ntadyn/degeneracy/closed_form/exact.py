"""A learning coefficient and its multiplicity, as exact numbers."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Exact:
    """V(eps) ~ const eps^lambda (log 1/eps)^(m - 1): the volume of parameters with a loss below eps, as eps goes to 0.

    The sum of two coefficients is that of two losses added up, K(x) + K'(y), which share no parameter: the poles
    -lambda of the zeta functions int K^z add up, and so do the orders of the logarithms, m - 1.

    Attributes:
        coefficient: lambda >= 0, the learning coefficient; d/2 for a regular model of d parameters.
        multiplicity: m >= 1.

    Raises:
        ValueError: for a negative coefficient, or a multiplicity below one.

    Source: Watanabe 2009, Algebraic Geometry and Statistical Learning Theory, sections 6.2 and 7.1.
    """

    coefficient: Fraction
    multiplicity: int = 1

    def __post_init__(self):
        if self.coefficient < 0 or self.multiplicity < 1:
            raise ValueError(
                f"Exact: got coefficient {self.coefficient} and multiplicity {self.multiplicity}; volumes shrink with "
                f"the loss, so the coefficient is 0 or more and the multiplicity 1 or more."
            )

    def __add__(self, other: "Exact") -> "Exact":
        return Exact(self.coefficient + other.coefficient, self.multiplicity + other.multiplicity - 1)


def regular(parameters: int) -> Exact:
    """d/2: a loss with a positive definite Hessian in d parameters; those that it does not depend on count nothing.

    Args:
        parameters: d, at least 0.

    Returns:
        The coefficient d/2 with multiplicity one.
    """
    return Exact(Fraction(parameters, 2))
