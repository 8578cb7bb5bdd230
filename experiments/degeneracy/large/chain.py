"""A chain of layers that all vanish, with one input: the coefficient at any temperature, by quadrature."""

import numpy as np
from scipy import special

# Nodes along the logarithm of each factor, and the lowest: factors as small as exp(-60) matter for s of exp(60).
LOWEST = -60.0
NODES = 2000


def chain_coefficient(widths: tuple[int, ...], strength: float) -> float:
    """E[t L] under exp(-t L - gamma/2 |W|^2) for L = 1/2 |W_L ... W_1|^2 with one input, at s = t / gamma^L.

    With W = Z gamma^(-1/2), |Z_l x|^2 / |x|^2 of independent normal numbers is chi-squared with as many degrees of
    freedom as the layer has outputs, whatever x. So t L = s/2 c_1 ... c_L with c_l of H_l degrees of freedom, and all
    depends on t and gamma through s alone. The last factor is integrated by hand: with c = c_1 ... c_(L-1),

        E[t L] = H_L/2 E[s c (1 + s c)^(-H_L/2 - 1)] / E[(1 + s c)^(-H_L/2)].

    It is s/2 H_1 ... H_L for small s, and half the smallest width for large s.

    Args:
        widths: H_1 ... H_3 of the three layers after the input.
        strength: s.
    """
    first, second, outputs = widths
    grids = [_log_chi_squared(width) for width in (first, second)]
    (nodes, weights), (others, of_others) = grids
    steep = strength * np.exp(nodes[:, None] + others[None, :])
    density = weights[:, None] * of_others[None, :] * (1 + steep) ** (-outputs / 2)
    return float(outputs / 2 * np.sum(density * steep / (1 + steep)) / np.sum(density))


def _log_chi_squared(freedom: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes x and weights of the density of log c: the trapezoidal rule, which is exact to rounding for such decays."""
    nodes = np.linspace(LOWEST, np.log(freedom + 80), NODES)
    return nodes, np.exp(freedom / 2 * (nodes - np.log(2)) - np.exp(nodes) / 2 - special.gammaln(freedom / 2))
