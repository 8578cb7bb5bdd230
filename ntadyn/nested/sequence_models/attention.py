"""Softmax attention over a window of tokens, whose keys and values are the state."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ntadyn.nested.sequence_models.sequence_model import AbstractMixer

# The slowest rotation of pairs of entries, as in the source.
LONGEST = 10_000.0
CONTEXT = 512
"""Tokens of the window where nothing is said."""


class AttentionState(eqx.Module):
    """The last tokens of the stream, the latest at the end.

    Attributes:
        keys: not rotated, shape (context, width).
        values: the same.
        filled: how many rows there are tokens for.
    """

    keys: Float[Array, "n d"]
    values: Float[Array, "n d"]
    filled: Int[Array, ""]


class SoftmaxAttention(AbstractMixer):
    """y_t = sum_s softmax_s(<R_t q_t, R_s k_s> / sqrt(e)) v_s over the last `context` tokens, t itself among them.

    Up to this many tokens it is full attention, and later ones forget the oldest: a stream never ends, and its state
    has one shape. R_t rotates pairs of entries by angles proportional to t; so a score depends on the distance t - s
    only, and positions are counted within the window.

    Attributes:
        queries: the map to q.
        keys: to k.
        values: to v.
        heads: attentions side by side, each on e = width / heads entries.
        context: tokens of the window.

    Raises:
        ValueError: if the width is no even multiple of the heads, or the window is empty.

    Source: Vaswani et al. 2017 (arXiv 1706.03762); rotations: Su et al. 2021 (arXiv 2104.09864).
    """

    queries: eqx.nn.Linear
    keys: eqx.nn.Linear
    values: eqx.nn.Linear
    heads: int = eqx.field(static=True)
    context: int = eqx.field(static=True)

    def __check_init__(self):
        if self.heads < 1 or self.width % (2 * self.heads):
            raise ValueError(
                f"SoftmaxAttention: got a width of {self.width} for {self.heads} heads; give each an even number of "
                f"entries, which are rotated in pairs."
            )
        if self.context < 1:
            raise ValueError(f"SoftmaxAttention: got a context of {self.context} tokens; give at least 1.")

    @classmethod
    def initialise(cls, key: PRNGKeyArray, width: int, heads: int = 2, context: int = CONTEXT) -> "SoftmaxAttention":
        """Random maps.

        Args:
            key: of the random numbers.
            width: of tokens.
            heads: see the class.
            context: see the class.
        """
        maps = (eqx.nn.Linear(width, width, use_bias=False, key=one) for one in jax.random.split(key, 3))
        return cls(*maps, heads=heads, context=context)

    @property
    def width(self) -> int:
        """Of tokens."""
        return self.queries.weight.shape[0]

    def initial_state(self) -> AttentionState:
        """No tokens."""
        nothing = jnp.zeros((self.context, self.width), self.queries.weight.dtype)
        return AttentionState(nothing, nothing, jnp.zeros((), int))

    def state_floats(self, tokens: int) -> int:
        """Keys and values of the tokens so far, those within the window."""
        return 2 * self.width * min(tokens, self.context)

    def __call__(
        self, state: AttentionState, tokens: Float[Array, "t d"]
    ) -> tuple[AttentionState, Float[Array, "t d"]]:
        """See `AbstractMixer.__call__`."""
        queries, new_keys, new_values = (jax.vmap(one)(tokens) for one in (self.queries, self.keys, self.values))
        keys, values = jnp.concatenate([state.keys, new_keys]), jnp.concatenate([state.values, new_values])
        # A sequence that starts here, as in training, has no use for the empty rows. The condition is the same for all
        # samples then, and only one side is computed.
        answers = jax.lax.cond(
            state.filled == 0,
            lambda: self._attended(queries, new_keys, new_values, jnp.zeros((), int)),
            lambda: self._attended(queries, keys, values, state.filled),
        )
        filled = jnp.minimum(state.filled + tokens.shape[0], self.context)
        return AttentionState(keys[-self.context :], values[-self.context :], filled), answers

    def _attended(self, queries: Array, keys: Array, values: Array, filled: Int[Array, ""]) -> Float[Array, "t d"]:
        """The answers to the last of the tokens that have keys; `filled` of those before are there."""
        length, new = keys.shape[0], queries.shape[0]
        old = length - new
        rows = jnp.arange(length)
        distance = rows[old:, None] - rows[None]
        visible = (distance >= 0) & (distance < self.context) & (rows >= old - filled)[None]
        queries, keys = rotated(self._per_head(queries), rows[old:]), rotated(self._per_head(keys), rows)
        scores = queries @ jnp.swapaxes(keys, 1, 2) / (self.width / self.heads) ** 0.5
        weights = jax.nn.softmax(jnp.where(visible[None], scores, -jnp.inf))
        return jnp.swapaxes(weights @ self._per_head(values), 0, 1).reshape(new, self.width)

    def _per_head(self, rows: Float[Array, "t d"]) -> Float[Array, "h t e"]:
        return jnp.swapaxes(rows.reshape(rows.shape[0], self.heads, -1), 0, 1)


def rotated(rows: Float[Array, "h t e"], positions: Int[Array, " t"]) -> Float[Array, "h t e"]:
    """Entries i and i + e/2 as a point of a plane, turned by the angle position / LONGEST^(2 i / e)."""
    half = rows.shape[-1] // 2
    slowing = LONGEST ** (-jnp.arange(half, dtype=rows.dtype) / half)
    angles = (positions.astype(rows.dtype)[:, None] * slowing[None])[None]
    cosine, sine = jnp.cos(angles), jnp.sin(angles)
    left, right = rows[..., :half], rows[..., half:]
    return jnp.concatenate([left * cosine - right * sine, left * sine + right * cosine], axis=-1)
