"""The learning coefficient of a gate table, with its weights integrated out exactly.

The behavioural loss 1/(2M) |C W - C_0 W_0|^2 is quadratic in the weights. With E = C - C_0, K = W_0 W_0^T and
Q = 1 + t / (M gamma) C C^T, what is left of exp(-t L - gamma/2 |.|^2) after integrating over W is a law of the gates,

    log p(C) = -gamma/2 |E|^2 - D/2 log det Q - t/(2M) tr(Q^-1 E K E^T),
    t E[L | C] = D/2 (M - tr Q^-1) + t/(2M) tr(Q^-1 E K E^T Q^-1),

of M P numbers whatever the size D of a path. The mean of the second line over the first is the coefficient. Langevin
steps in all M P + P D directions do not get there: where a table of many weights is nearly of rank one, the law is far
from the point, because a table of rank one leaves D more directions free.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Law(NamedTuple):
    """What is sampled.

    Attributes:
        inverse_temperature: t.
        localisation: gamma.
        size: D, the number of weights in a path.
    """

    inverse_temperature: float
    localisation: float
    size: int


class Ensembles(NamedTuple):
    """How it is sampled: walkers that move along the lines through each other, whatever the scales of the law.

    Attributes:
        number: of independent ensembles, which the error comes from.
        walkers: in each, an even number.
        warm_up: steps that are not counted.
        steps: that are.
    """

    number: int = 4
    walkers: int = 16
    warm_up: int = 300
    steps: int = 700


class Estimate(NamedTuple):
    """Means over draws, and their standard errors from the spread of ensembles."""

    value: Float[np.ndarray, " n"]
    error: Float[np.ndarray, " n"]


def coefficient(
    gates: Float[np.ndarray, "n 2 2"], grams: Float[np.ndarray, "n 2 2"], law: Law, ensembles: Ensembles, seed: int
) -> Estimate:
    """T E[L] around many tables of two tasks and two paths.

    Args:
        gates: C_0, shape (tables, tasks, paths).
        grams: K, shape (tables, paths, paths).
        law: temperature, localisation, size of a path.
        ensembles: how many draws.
        seed: of all of them.
    """
    # Walkers behind tables.
    places, products = (np.moveaxis(each.reshape(-1, 4), 1, 0)[:, :, None] for each in (gates, grams))
    draws = np.random.default_rng(seed).spawn(ensembles.number)
    means = np.stack([_mean(places, products, law, ensembles, draw) for draw in draws])
    return Estimate(means.mean(axis=0), means.std(axis=0, ddof=1) / ensembles.number**0.5)


def log_density(offset: Array, gates: Array, gram: Array, law: Law) -> Array:
    """Log p up to a constant, at C_0 + E.

    Args:
        offset: E, as the four entries of a table along the first axis: A to 1, A to 2, B to 1, B to 2.
        gates: C_0, likewise.
        gram: K, likewise.
        law: temperature, localisation, size of a path.
    """
    determinant, (aa, ab, bb), (moved_aa, moved_ab, moved_bb) = _parts(offset, gates, gram, law)
    cost = (aa * moved_aa + 2 * ab * moved_ab + bb * moved_bb) * law.inverse_temperature / 2
    return -(law.localisation * np.sum(offset**2, axis=0) + law.size * np.log(determinant) + cost) / 2


def scaled_loss(offset: Array, gates: Array, gram: Array, law: Law) -> Array:
    """T E[L | C] at C_0 + E; arguments as in `log_density`."""
    _, (aa, ab, bb), (moved_aa, moved_ab, moved_bb) = _parts(offset, gates, gram, law)
    # The rows of Q^-1 E K E^T Q^-1 that its trace needs.
    at_a = aa**2 * moved_aa + 2 * aa * ab * moved_ab + ab**2 * moved_bb
    at_b = ab**2 * moved_aa + 2 * ab * bb * moved_ab + bb**2 * moved_bb
    return (law.size * (2 - aa - bb) + law.inverse_temperature / 2 * (at_a + at_b)) / 2


Symmetric = tuple[Array, Array, Array]


def _parts(offset: Array, gates: Array, gram: Array, law: Law) -> tuple[Array, Symmetric, Symmetric]:
    """Det Q, Q^-1 and E K E^T for M = 2, entry by entry: products of small matrices are slow by the million."""
    a1, a2, b1, b2 = gates + offset
    ratio = law.inverse_temperature / (2 * law.localisation)
    aa, ab, bb = 1 + ratio * (a1**2 + a2**2), ratio * (a1 * b1 + a2 * b2), 1 + ratio * (b1**2 + b2**2)
    # Not aa bb - ab^2, which cancels.
    determinant = aa + bb - 1 + (ratio * (a1 * b2 - a2 * b1)) ** 2
    u1, u2, v1, v2 = offset
    k11, k12, _, k22 = gram
    moved_aa = k11 * u1**2 + 2 * k12 * u1 * u2 + k22 * u2**2
    moved_ab = k11 * u1 * v1 + k12 * (u1 * v2 + u2 * v1) + k22 * u2 * v2
    moved_bb = k11 * v1**2 + 2 * k12 * v1 * v2 + k22 * v2**2
    return determinant, (bb / determinant, -ab / determinant, aa / determinant), (moved_aa, moved_ab, moved_bb)


def _mean(gates: Array, grams: Array, law: Law, ensembles: Ensembles, draw: np.random.Generator) -> Array:
    """The means of one ensemble, shape (tables,).

    Source: Goodman and Weare 2010, stretch moves with a = 2.
    """
    half, tables = ensembles.walkers // 2, gates.shape[1]
    walkers = list(draw.normal(size=(2, 4, tables, half)) / law.localisation**0.5)
    heights = [log_density(each, gates, grams, law) for each in walkers]
    total = np.zeros(tables)
    for step in range(ensembles.warm_up + ensembles.steps):
        for moving in range(2):
            partners = np.roll(walkers[1 - moving], draw.integers(half), axis=2)
            stretch = (1 + draw.random((tables, half))) ** 2 / 2
            proposed = partners + stretch * (walkers[moving] - partners)
            height = log_density(proposed, gates, grams, law)
            accepted = np.log(draw.random((tables, half))) < height - heights[moving] + 3 * np.log(stretch)
            walkers[moving] = np.where(accepted, proposed, walkers[moving])
            heights[moving] = np.where(accepted, height, heights[moving])
            if step >= ensembles.warm_up:
                total += scaled_loss(walkers[moving], gates, grams, law).mean(axis=1)
    return total / (2 * ensembles.steps)
