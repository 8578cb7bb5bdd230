"""The continuum memory system as the feed-forward part of a block; with one level, the usual feed-forward part."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.nested.continuum.networks import ResidualBlock, check_number
from ntadyn.networks.network import gaussian_weights


class ContinuumFeedForward(eqx.Module):
    """Levels one after the other, each h <- h + B gelu(A h / rms(h)), the fastest first.

    Every level has a skip and a norm of its own. So the whole is h plus what the levels add, and h itself at the start,
    where B is zero. Tokens do not meet here. Which level learns how fast is up to whoever trains them: see
    `continuum_optimiser` and `dynamic_evaluation`.

    Attributes:
        levels: the fastest first.

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equation 30.
    """

    levels: tuple[ResidualBlock, ...]

    def __call__(self, tokens: Float[Array, "t d"]) -> Float[Array, "t d"]:
        """What becomes of every token."""
        for level in self.levels:
            tokens = jax.vmap(level)(tokens)
        return tokens

    @classmethod
    def initialise(cls, key: PRNGKeyArray, width: int, hidden: int, number: int) -> "ContinuumFeedForward":
        """A_{ij} ~ N(0, 1 / width) and B = 0.

        Args:
            key: of the random numbers.
            width: of tokens.
            hidden: units of all levels together, dealt out evenly, what is left over to the fastest.
            number: of levels.

        Raises:
            ValueError: if there is no level, or fewer units than levels.
        """
        check_number("ContinuumFeedForward", number)
        if hidden < number:
            raise ValueError(f"ContinuumFeedForward: got {hidden} hidden units for {number} levels; give each one.")
        first = gaussian_weights(key, (hidden, width), 1.0)
        parts = jnp.array_split(first, number)
        return cls(tuple(ResidualBlock(part, jnp.zeros_like(part.T)) for part in parts))
