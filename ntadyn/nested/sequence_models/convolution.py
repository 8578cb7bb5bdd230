"""A short causal convolution: every token meets those just before it."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ntadyn.nested.sequence_models.sequence_model import AbstractMixer

WIDTH = 4


class CausalConvolution(AbstractMixer):
    """y_t = sum_j w_j * x_{t - n + 1 + j}, entry by entry, with j from 0 to n - 1; before the sequence is nothing.

    Its state is the last n - 1 inputs. Without it a memory whose keys and values come from one token each cannot
    store that one token follows another.

    Attributes:
        weights: w, the last row that of the token itself, shape (n, width).
    """

    weights: Float[Array, "n d"]

    @classmethod
    def initialise(cls, key: PRNGKeyArray, width: int, reach: int = WIDTH) -> "CausalConvolution":
        """Uniform weights of variance 1 / (3 n), as usual for n inputs per output.

        Args:
            key: of the random numbers.
            width: of tokens.
            reach: n, tokens that are seen at once.
        """
        most = reach**-0.5
        return cls(jax.random.uniform(key, (reach, width), minval=-most, maxval=most))

    def initial_state(self) -> Float[Array, "m d"]:
        """No inputs."""
        return jnp.zeros_like(self.weights[1:])

    def __call__(
        self, state: Float[Array, "m d"], tokens: Float[Array, "t d"]
    ) -> tuple[Float[Array, "m d"], Float[Array, "t d"]]:
        """See `AbstractMixer.__call__`."""
        # As shifted sums: XLA's convolution is slow on a CPU where every channel is a group of its own.
        seen = jnp.concatenate([state, tokens])
        length = tokens.shape[0]
        mixed = sum(row[None] * seen[shift : shift + length] for shift, row in enumerate(self.weights))
        return seen[length:], jnp.asarray(mixed)
