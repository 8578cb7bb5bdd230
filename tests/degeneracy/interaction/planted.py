"""Networks whose degeneracies are known."""

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.degeneracy.interaction.sections import Dense, Sections, chain


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def rectified(*weights, biases=None):
    """Rectified layers and a linear last one."""
    biases = [None] * len(weights) if biases is None else biases
    activations = [{"activation": jax.nn.relu}] * (len(weights) - 1) + [{}]
    pairs = zip(weights, biases, activations, strict=True)
    return chain(*(Dense(jnp.asarray(w), None if b is None else jnp.asarray(b), **act) for w, b, act in pairs))


def inserted(sections: Sections, layer: int, matrix: np.ndarray) -> Sections:
    """The same function, with an invertible map after a section, undone in the next one."""
    there, back = jnp.asarray(matrix), jnp.asarray(np.linalg.inv(matrix))
    first, second = sections.sections[layer - 1], sections.sections[layer]
    changed = list(sections.sections)
    changed[layer - 1] = lambda f: there @ first(f)
    changed[layer] = lambda f: second(back @ f)
    return Sections(tuple(changed), sections.constant)


def synchronised(sizes, seed=0, d_in=6, hidden=7, outputs=3, examples=4000):
    """One hidden layer, the first units of which form blocks that fire together; inputs that keep them together."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(hidden, d_in))
    start = 0
    for size in sizes:
        weights[start + 1 : start + size] = weights[start] + 0.1 * rng.normal(size=(size - 1, d_in))
        start += size
    inputs = rng.normal(size=(2 * examples, d_in))
    fires = inputs @ weights.T > 0
    together, start = np.ones(len(inputs), bool), 0
    for size in sizes:
        block = fires[:, start : start + size]
        together &= np.all(block == block[:, :1], axis=1)
        start += size
    return rectified(weights, rng.normal(size=(outputs, hidden))), inputs[together][:examples]
