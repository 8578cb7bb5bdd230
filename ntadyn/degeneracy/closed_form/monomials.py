"""Products of independent powers, such as w1^2 w2^4 on a box: exact at every temperature and at every cutoff."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ntadyn.degeneracy.closed_form.exact import Exact

# Gauss-Legendre nodes on panels of unit length in log(1 / L), on which everything here varies over lengths of one.
_NODES, _WEIGHTS = (np.polynomial.legendre.leggauss(16) + np.array([[1.0], [0.0]])) / 2
# At log(1 / L) = log t - 6, exp(-t L) is exp(-exp(6)); 51 panels on, t L is below exp(-45).
_BEFORE, _PANELS = 6, 51
# Of a Taylor series of exp(x) at |x| <= 1, whose next term is below rounding.
_ORDER = 18


def monomial(*powers: int) -> Exact:
    """The coefficient of w1^(2 k1) w2^(2 k2) ... at the origin: min 1 / (2 k_i), as often as it is attained.

    Args:
        powers: k1, k2, ...: half the exponents; a parameter with power 0 does not enter.

    Returns:
        The coefficient, with the number of the largest powers as its multiplicity.

    Raises:
        ValueError: for a negative power, or none that is positive.

    Source: Watanabe 2009, Algebraic Geometry and Statistical Learning Theory, section 4.5.
    """
    return on_box(*powers).exact()


@dataclass(frozen=True)
class ProductOfPowers:
    """L = L_1 L_2 ..., independent factors from 0 to 1, the i-th below eps with probability eps^lambda_i.

    log(1 / L) is a sum of exponential times of rates lambda_i: the time a chain takes that leaves its i-th state at
    this rate. With Q the generator of the chain, p(s) = e_1 exp(s Q) says where it is at time s; it is still under way
    with probability sum p(s), the volume of L < exp(-s).

    Attributes:
        rates: lambda_i > 0, at least one.

    Raises:
        ValueError: without rates, or for one that is not positive.
    """

    rates: tuple[Fraction, ...]

    def __post_init__(self):
        if not self.rates or min(self.rates) <= 0:
            raise ValueError(
                f"ProductOfPowers: got rates {self.rates}; give one positive rate per factor, at least one."
            )

    def exact(self) -> Exact:
        """The smallest rate, as often as it occurs: the coefficient as the loss goes to 0."""
        smallest = min(self.rates)
        return Exact(smallest, Counter(self.rates)[smallest])

    def volume(self, cutoff: float) -> float:
        """V(eps), the probability that L < eps, for a cutoff 0 < eps <= 1."""
        return float(self._underway(cutoff).sum())

    def volume_slope(self, cutoff: float) -> float:
        """`d log V / d log eps`: the power of eps that the volume goes by near a cutoff.

        Args:
            cutoff: eps, above 0 and at most 1.

        Returns:
            The slope; it goes to the learning coefficient as eps goes to 0.
        """
        underway = self._underway(cutoff)
        return float(underway[-1] * self._rates()[-1] / underway.sum())

    def hill(self, cutoff: float) -> float:
        """1 / E[log(eps / L) given L < eps]: what Hill's estimator converges to.

        Args:
            cutoff: eps, above 0 and at most 1.

        Returns:
            The reciprocal of the mean; it is the volume slope if L is a pure power.
        """
        underway = self._underway(cutoff)
        left = np.cumsum(1 / self._rates()[::-1])[::-1]
        return float(underway.sum() / (underway @ left))

    def finite_temperature(self, inverse_temperature: float) -> float:
        """`t E_t[L] = E[t L exp(-t L)] / E[exp(-t L)]`, by quadrature to twelve digits.

        Args:
            inverse_temperature: t > 0, the number of samples times the inverse temperature.

        Returns:
            What a sampler of exp(-t L) over the prior would estimate at this t; it goes to the learning coefficient as
            lambda - (m - 1) / log t.

        Raises:
            ValueError: for t <= 0.
        """
        check_inverse_temperature(inverse_temperature)
        first = max(np.log(inverse_temperature) - _BEFORE, 0.0)
        entering, panel, *within = self._propagators(np.array([first, 1.0, *_NODES]))
        starts = [entering[0]]
        for _ in range(_PANELS):
            starts.append(starts[-1] @ panel)
        densities = np.stack([np.stack(starts[:-1]) @ each[:, -1] for each in within], axis=1) * self._rates()[-1]
        energies = inverse_temperature * np.exp(-(first + np.arange(_PANELS)[:, None] + _NODES))
        weights = _WEIGHTS * densities * np.exp(-energies)
        # Beyond the last panel exp(-t L) is one.
        return float(np.sum(weights * energies) / (np.sum(weights) + np.sum(starts[-1])))

    def _rates(self) -> NDArray[np.float64]:
        return np.array([float(rate) for rate in self.rates])

    def _underway(self, cutoff: float) -> NDArray[np.float64]:
        """Where the chain is at log 1/eps, shape (factors,)."""
        if not 0 < cutoff <= 1:
            raise ValueError(f"cutoff is {cutoff}; the loss ranges from 0 to 1, and so must its cutoff, without 0.")
        return self._propagators(np.array([-np.log(cutoff)]))[0, 0]

    def _propagators(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Exp(s Q) at times of shape (n,), shape (n, factors, factors).

        A Taylor series for a short time, squared; as no term is negative, no entry loses digits to cancellation.
        """
        rates = self._rates()
        fastest, one = rates.max(), np.eye(rates.size)
        shifted = np.diag(fastest - rates) + np.diag(rates[:-1], 1)  # Q + fastest
        doublings = max(int(np.ceil(np.log2(2 * fastest * times.max() + 1))), 0)
        short = times[:, None, None] / 2**doublings
        found = np.broadcast_to(one, (times.size, *one.shape))
        for order in range(_ORDER, 0, -1):
            found = one + short * shifted @ found / order
        found = np.exp(-fastest * short) * found
        for _ in range(doublings):
            found = found @ found
        return found


def on_box(*powers: int) -> ProductOfPowers:
    """w1^(2 k1) w2^(2 k2) ... under the uniform law on [-1, 1] x [-1, 1] x ...: rates 1 / (2 k_i).

    Args:
        powers: k1, k2, ...; a parameter with power 0 does not enter.

    Raises:
        ValueError: for a negative power, or none that is positive.
    """
    if not any(powers) or min(powers) < 0:
        raise ValueError(f"powers are {powers}; give powers of 0 or more, at least one of which is positive.")
    return ProductOfPowers(tuple(Fraction(1, 2 * power) for power in powers if power))


def scaled_ball(dimension: int) -> ProductOfPowers:
    """a^2 |u|^2 under the uniform law on |a| <= 1, |u| <= 1 with u in R^d: rates 1/2 and d/2.

    Args:
        dimension: d, at least 1.
    """
    return ProductOfPowers((Fraction(1, 2), Fraction(dimension, 2)))


def check_inverse_temperature(value: float) -> None:
    """Refuses an inverse temperature that is not positive and finite.

    Raises:
        ValueError: for such a value.
    """
    if not 0 < value < np.inf:
        raise ValueError(f"the inverse temperature is {value}; it must be positive and finite.")
