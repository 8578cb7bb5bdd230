"""Small models with parameters that are nowhere zero, and sequences for them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.nested.sequence_models import SelfModifyingMemory, Tokens, build

WIDTH, SYMBOLS, TOKENS = 8, 7, 12


def stirred(tree, seed=0, scale=0.1):
    """Random numbers added to all parameters, so that nothing is hidden by a start at zero."""
    leaves, structure = jax.tree.flatten(tree)
    rng = np.random.default_rng(seed)
    moved = [leaf + scale * rng.normal(size=leaf.shape) if eqx.is_inexact_array(leaf) else leaf for leaf in leaves]
    return jax.tree.unflatten(structure, moved)


def small_model(name, depth=1, **sizes):
    return stirred(build(name, inputs=Tokens(SYMBOLS), outputs=5, width=WIDTH, depth=depth, key=jax.random.key(0)))


def memory(make=SelfModifyingMemory.linear, width=4, scale=0.3, **choices):
    return stirred(make(jax.random.key(1), width, **choices), scale=scale)


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
