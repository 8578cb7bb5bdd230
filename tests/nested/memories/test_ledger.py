"""What printed equations of the literature on nested learning do if they are typed in as they stand.

Equation numbers are those of Behrouz et al. 2025, Nested Learning: the conference version, or the long one (arXiv
2512.24695) where it is named. Every test runs the literal form beside ours.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.memories import AssociativeMemory, Delta, GatedDelta, Hebbian, Recurrent, Writes, proximal
from tests.nested.memories.sequences import KEY_SIZE, VALUE_SIZE, distance, sequence, unit

RNG = np.random.default_rng(3)
KEY, VALUE = unit(RNG.normal(size=KEY_SIZE)), RNG.normal(size=VALUE_SIZE)
EMPTY = np.zeros((VALUE_SIZE, KEY_SIZE))


def recalled(state):
    """The answer to the key, as a multiple of the value; it has no other part."""
    answer = np.asarray(state) @ KEY
    share = answer @ VALUE / (VALUE @ VALUE)
    assert distance(answer, share * VALUE) <= 1e-12
    return share


def test_equation_16_with_the_sign_of_equation_15_stores_the_negative_value():
    """Minimising +<M k, v> + 1/2 |M - M_t|^2 gives M_t - v k^T; it takes the other sign to store the value."""
    literal = proximal(lambda state: jnp.sum((state @ KEY) * VALUE), jnp.asarray(EMPTY), jnp.ones(()))
    # The gradient of 1/2 |M|^2 + <M, v k^T> at 0 is the negative of the minimiser.
    found = -jax.grad(literal)(jnp.asarray(EMPTY))
    assert recalled(found) == pytest.approx(-1, abs=1e-12)
    ours = Hebbian().write(jnp.asarray(EMPTY), jnp.asarray(KEY), jnp.asarray(VALUE), None, jnp.ones(()))
    assert recalled(ours) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("half", "share"), [(0.5, 0.5), (1.0, 0.6667)], ids=["with the half", "without the half"])
def test_equations_88_and_93_of_the_long_version_erase_twice_and_recall_a_part(half, share):
    """The gradient of half |M k - v|^2 erases M k k^T already, and the factor I - b k k^T does so once more."""
    rate, state = 0.3, EMPTY
    for _ in range(200):
        slope = 2 * half * np.outer(state @ KEY - VALUE, KEY)
        state = state @ (np.eye(KEY_SIZE) - rate * np.outer(KEY, KEY)) - rate * slope
    assert recalled(state) == pytest.approx(share, abs=1e-4)
    ours = jnp.asarray(EMPTY)
    for _ in range(200):
        ours = Delta().write(ours, jnp.asarray(KEY), jnp.asarray(VALUE), None, jnp.asarray(rate))
    assert recalled(ours) == pytest.approx(1, abs=1e-12)


def test_equation_92_of_the_long_version_adds_the_value_with_the_wrong_sign():
    """M <- M (a I - b k k^T) - b v k^T settles on -v where it should on v."""
    rate, literal, ours = 0.3, EMPTY, jnp.asarray(EMPTY)
    for _ in range(200):
        literal = literal @ (np.eye(KEY_SIZE) - rate * np.outer(KEY, KEY)) - rate * np.outer(VALUE, KEY)
        ours = GatedDelta().write(ours, jnp.asarray(KEY), jnp.asarray(VALUE), jnp.ones(()), jnp.asarray(rate))
    assert recalled(literal) == pytest.approx(-1, abs=1e-12)
    assert recalled(ours) == pytest.approx(1, abs=1e-12)


def test_equation_90_of_the_long_version_lets_a_token_see_the_end_of_its_own_chunk():
    """Read at state C ceil(t / C), 11 of the 12 first tokens of 4 chunks of 4 change if the last of each does not."""
    size, tokens = 4, 16
    state, writes, queries = sequence(tokens, gated=False)

    def states(values):
        probes = Writes(writes.keys, values, writes.rates)
        memory = AssociativeMemory(Delta(), Recurrent())
        ends = [state]
        for token in range(tokens):
            piece = jax.tree.map(lambda leaf, token=token: leaf[token : token + 1], probes)
            ends.append(memory(ends[-1], piece, queries[token : token + 1])[0])
        return jnp.stack(ends)

    def answers(values, index):
        return jnp.einsum("ted,td->te", states(values)[index], queries)

    token = np.arange(1, tokens + 1)
    literal, ours = size * -(-token // size), size * ((token - 1) // size)
    changed = writes.values.at[7].add(1.0)
    seen = {
        name: np.flatnonzero(np.any(answers(changed, index) != answers(writes.values, index), axis=1)) + 1
        for name, index in (("literal", literal), ("ours", ours))
    }
    # Token 8 has changed: tokens 5 to 7 of its chunk know of it before it comes.
    assert seen["literal"].tolist()[:4] == [5, 6, 7, 8]
    assert seen["ours"].min() == 9
