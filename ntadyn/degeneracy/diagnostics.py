"""What chains say about their own mean."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.degeneracy.library import its_promotion


class Means(NamedTuple):
    """Means of chains, one per case.

    Attributes:
        mean: over all chains.
        error: sd / sqrt(ess).
        rhat: split and rank-normalised, 1 if chains agree.
        ess: effective draws, the smaller one of those for the bulk and for the mean.
    """

    mean: np.ndarray
    error: np.ndarray
    rhat: np.ndarray
    ess: np.ndarray


def means(draws: np.ndarray) -> Means:
    """The mean of every case, with what speaks for and against it.

    Args:
        draws: shape (cases, chains, n).

    Returns:
        Arrays of shape (cases,); not a number, and no effective draws, where a draw is not finite.

    Source: Vehtari, Gelman, Simpson, Carpenter, Buerkner 2021, by BlackJAX's `diagnostics`.
    """
    finite = np.isfinite(draws).all(axis=(1, 2))
    with its_promotion():
        ess, rhat = (np.asarray(part) for part in _diagnosed(jnp.asarray(np.where(np.isfinite(draws), draws, 0))))
    with np.errstate(invalid="ignore"):
        mean, spread = draws.mean(axis=(1, 2)), draws.std(axis=(1, 2))
    error = np.where(finite, spread / np.sqrt(np.maximum(ess, 1)), np.nan)
    return Means(mean, error, np.where(finite, rhat, np.nan), np.where(finite, ess, 0))


@eqx.filter_jit  # one program, where every operation would be one
def _diagnosed(draws: Float[Array, "cases chains n"]) -> tuple[Array, Array]:
    from blackjax.diagnostics import effective_sample_size, ess_bulk, rhat

    def one(draws: Array) -> tuple[Array, Array]:
        return jnp.minimum(ess_bulk(draws), effective_sample_size(draws)), rhat(draws)

    return jax.vmap(one)(draws)
