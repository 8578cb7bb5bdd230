"""Random sequences of pairs, and distances between trees, for tests of memories."""

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.nested.memories import Writes

KEY_SIZE, VALUE_SIZE = 5, 4


def sequence(tokens, seed=0, gated=True, dtype=jnp.float64):
    """A state, writes with unit keys, rates in [0, 1] and retentions with zeros among them, and queries."""
    rng = np.random.default_rng(seed)
    array = lambda values: jnp.asarray(values, dtype)  # noqa: E731
    keys, queries = (unit(rng.normal(size=(tokens, KEY_SIZE))) for _ in range(2))
    retentions = rng.uniform(0.5, 1, size=tokens)
    retentions[tokens // 3] = 0
    retentions[tokens // 2 : tokens // 2 + 2] = 0
    writes = Writes(
        array(keys),
        array(rng.normal(size=(tokens, VALUE_SIZE))),
        array(rng.uniform(size=tokens)),
        array(retentions) if gated else None,
    )
    return array(rng.normal(size=(VALUE_SIZE, KEY_SIZE))), writes, array(queries)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def distance(one, other):
    """The largest difference between entries of two trees."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(np.max(np.abs(np.asarray(left) - np.asarray(right)))) for left, right in pairs)


def part(writes, start, stop):
    return jax.tree.map(lambda leaf: leaf[start:stop], writes)
