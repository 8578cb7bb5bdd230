"""t E_t[L - L*] near a point, by quadrature: weights exp(-t L) within a Gaussian neighbourhood."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ntadyn.degeneracy.closed_form.monomials import check_inverse_temperature

# Gauss-Legendre nodes on panels that halve towards the centre, down to 2^-80 of the interval.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_HALVINGS = 80


def localised_line(
    loss: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    inverse_temperature: float,
    localisation: float,
    interval: tuple[float, float],
    centre: float = 0.0,
) -> float:
    """`t (E[L(w)] - L(w*))` for one parameter with the density exp(-t L(w) - gamma/2 (w - w*)^2) on an interval.

    The interval is part of the law: w^2 (1 + w), say, falls without end to the left, where no Gaussian holds it.

    Args:
        loss: L, of arrays of any shape, entry by entry.
        inverse_temperature: t > 0.
        localisation: gamma >= 0, the precision of the Gaussian; at 0 the law is uniform but for the loss.
        interval: the ends of what is allowed, the centre between them.
        centre: w*.

    Returns:
        What a sampler of this law would estimate, to about ten digits for a loss that is smooth on either side of w*.

    Raises:
        ValueError: for t <= 0, gamma < 0, or a centre that is not inside the interval.
    """
    check_inverse_temperature(inverse_temperature)
    lower, upper = interval
    if not lower < centre < upper or localisation < 0:
        raise ValueError(
            f"localised_line: got localisation {localisation} around {centre} on the interval {interval}; the "
            f"localisation must be 0 or more, and the centre inside the interval."
        )
    edges = np.concatenate([[0.0], 0.5 ** np.arange(_HALVINGS, -1, -1.0)])
    half = np.diff(edges)[:, None] / 2
    distances, lengths = (edges[:-1, None] + half * (1 + _NODES)).ravel(), (half * _WEIGHTS).ravel()
    steps = np.concatenate([(lower - centre) * distances, (upper - centre) * distances])
    lengths = np.concatenate([(centre - lower) * lengths, (upper - centre) * lengths])
    energy = inverse_temperature * (loss(centre + steps) - loss(np.full(1, centre)))
    exponent = -energy - localisation / 2 * steps**2
    weight = lengths * np.exp(exponent - exponent.max())
    return float(weight @ energy / weight.sum())


def localised_monomial(k1: int, k2: int, inverse_temperature: float, localisation: float) -> float:
    """`t E[L]` of L = w1^(2 k1) w2^(2 k2) with the density exp(-t L - gamma/2 |w|^2) on the plane.

    In units of gamma^(-1/2) only t gamma^(-k1 - k2) is left. The trapezoidal rule in log |w1| and log |w2|, where the
    integrand is analytic and vanishes at both ends, converges exponentially.

    Args:
        k1: half the exponent of w1, at least 1.
        k2: half the exponent of w2, at least 1.
        inverse_temperature: t > 0.
        localisation: gamma > 0.

    Returns:
        What a sampler of this law would estimate, to about ten digits.

    Raises:
        ValueError: for a power below one, t <= 0, or gamma <= 0.
    """
    check_inverse_temperature(inverse_temperature)
    if min(k1, k2) < 1 or not localisation > 0:
        raise ValueError(
            f"localised_monomial: got powers {k1} and {k2} and localisation {localisation}; give powers of one or "
            f"more, and a positive localisation."
        )
    scaled = inverse_temperature * localisation ** -(k1 + k2)
    lowest, step = -40.0 - max(np.log(scaled), 0.0) / 2, 0.125 / max(k1, k2)
    log_size = np.arange(lowest, np.log(40.0) / 1.5, step)
    log_mass = log_size - np.exp(2 * log_size) / 2
    energy = scaled * np.exp(2 * k1 * log_size[:, None] + 2 * k2 * log_size[None, :])
    weight = np.exp(log_mass[:, None] + log_mass[None, :] - energy)
    return float(np.sum(weight * energy) / np.sum(weight))
