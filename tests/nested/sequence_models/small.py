"""Small models with parameters that are nowhere zero, and sequences for them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.nested.sequence_models import SelfModifyingMemory, Tokens, build

WIDTH, SYMBOLS, TOKENS = 8, 7, 12


def filled(make, seed=0):
    """What a function makes, with other random numbers in all its arrays: none is zero, and nothing is compiled."""
    rng = np.random.default_rng(seed)

    def numbers(shape):
        return jnp.asarray(rng.normal(size=shape.shape) / (shape.shape or (1,))[-1] ** 0.5)

    shapes = eqx.filter_eval_shape(make)
    return jax.tree.map(lambda leaf: numbers(leaf) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf, shapes)


INPUTS = Tokens(SYMBOLS)


def small_model(name, depth=1, inputs=INPUTS):
    return filled(lambda: build(name, inputs=inputs, outputs=5, width=WIDTH, depth=depth, key=jax.random.key(0)))


def memory(make=SelfModifyingMemory.linear, width=4, **choices):
    return filled(lambda: make(jax.random.key(1), width, **choices))


def two_layers(key, width, **choices):
    return SelfModifyingMemory.two_layers(key, width, 3, **choices)


def symbols(seed=0, tokens=TOKENS):
    return jnp.asarray(np.random.default_rng(seed).integers(0, SYMBOLS, tokens))


def vectors(tokens=TOKENS, width=4, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(tokens, width)))


def distance(one, other):
    """The largest difference between entries of two trees."""
    pairs = [(left, right) for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)]
    return max(float(np.max(np.abs(np.asarray(a, float) - np.asarray(b, float)))) for a, b in pairs if np.size(a))
