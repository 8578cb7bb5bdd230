"""What public code computes where it is not what the article behind it says, in the fewest lines.

Written anew from what the code does; that it does this is tested against arrays that the code itself has computed, see
tests/nested/public_code.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.nested.memories import Writes


def clipped_softly(slope: Array, longest: float = 1.0) -> Array:
    """A gradient made as long as L/2 (1 + tanh(2 |g| / L)): never shorter than L/2, and no number for g = 0.

    `max_grad_norm` of titans-pytorch 0.5.5.
    """
    length = jnp.linalg.norm(slope)
    return slope * (longest / 2 * (1 + jnp.tanh(2 * length / longest)) / length)


def states_with_frozen_slopes(state: Float[Array, "e d"], writes: Writes, every: int) -> Float[Array, "t e d"]:
    """All states of Titans with a matrix, if slopes are taken at the state that a batch of tokens finds.

    `batch_size` of titans-pytorch 0.5.5; by default a batch is all that a call is given.

    Args:
        state: that the first write finds.
        writes: with retentions of memory and momentum.
        every: tokens of a batch.
    """

    def step(
        carry: tuple[Array, Array, Array], token: tuple[Array, Writes]
    ) -> tuple[tuple[Array, Array, Array], Array]:
        state, momentum, frozen = carry
        index, pair = token
        frozen = jnp.where(index % every == 0, state, frozen)
        slope = jnp.outer(frozen @ pair.keys - pair.values, pair.keys)
        momentum = pair.retentions.momentum * momentum - pair.rates * slope
        state = pair.retentions.memory * state + momentum
        return (state, momentum, frozen), state

    tokens = jnp.arange(writes.keys.shape[0])
    return jax.lax.scan(step, (state, jnp.zeros_like(state), state), (tokens, writes))[1]


def slope_behind_a_norm(answer: Array, target: Array, weight: Array, bias: Array) -> Array:
    """The slope of 1/2 |w norm(z) + b - target|^2 at z, with 1 / (D rstd) over one term of three as in fla 0.6.0.

    `titans_linear` and `chunk_titans_linear`, for a step that they count double.

    Args:
        answer: z.
        target: v - k there.
        weight: w.
        bias: b.
    """
    size, spread = answer.shape[0], jnp.sqrt(jnp.var(answer) + 1e-6)
    normed = (answer - jnp.mean(answer)) / spread
    slope = (weight * normed + bias - target) * weight
    along = normed * jnp.sum(slope * normed)
    return size * slope - jnp.sum(slope) / (spread * size) - along / (spread * size)
