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


def settled(rule, rate):
    """The state after 200 writes of the same pair."""
    keys, values = jnp.asarray(np.tile(KEY, (200, 1))), jnp.asarray(np.tile(VALUE, (200, 1)))
    writes = Writes(keys, values, jnp.full(200, rate))
    return AssociativeMemory(rule, Recurrent())(jnp.asarray(EMPTY), writes, keys)[0]


def test_equation_16_with_the_sign_of_equation_15_stores_the_negative_value():
    """Minimising +<M k, v> + 1/2 |M - M_t|^2 gives M_t - v k^T; it takes the other sign to store the value."""
    literal = proximal(lambda state: jnp.sum((state @ KEY) * VALUE), jnp.asarray(EMPTY), jnp.ones(()))
    # Its Hessian is the identity: one Newton step from 0 is the minimiser.
    found = -jax.jit(jax.grad(literal))(jnp.asarray(EMPTY))
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
    assert recalled(settled(Delta(), rate)) == pytest.approx(1, abs=1e-12)


def test_equation_92_of_the_long_version_adds_the_value_with_the_wrong_sign():
    """M <- M (a I - b k k^T) - b v k^T settles on -v where it should on v."""
    rate, literal = 0.3, EMPTY
    for _ in range(200):
        literal = literal @ (np.eye(KEY_SIZE) - rate * np.outer(KEY, KEY)) - rate * np.outer(VALUE, KEY)
    assert recalled(literal) == pytest.approx(-1, abs=1e-12)
    assert recalled(settled(GatedDelta(), rate)) == pytest.approx(1, abs=1e-12)


def test_equation_90_of_the_long_version_lets_a_token_see_the_end_of_its_own_chunk():
    """Read at state C ceil(t / C), tokens answer by pairs that come up to C - 1 tokens later."""
    size, tokens = 4, 16
    state, writes, queries = sequence(tokens, gated=False)

    @jax.jit
    def states(values):
        def step(state, pair):
            state = Delta().write(state, *pair[:2], None, pair[2])
            return state, state

        return jax.lax.scan(step, state, (writes.keys, values, writes.rates))[1]

    def answers(values, index):
        reached = np.concatenate([np.asarray(state)[None], np.asarray(states(values))])
        return np.einsum("ted,td->te", reached[index], np.asarray(queries))

    token = np.arange(1, tokens + 1)
    literal, ours = size * -(-token // size), size * ((token - 1) // size)
    changed = writes.values.at[7].add(1.0)
    seen = {
        name: np.flatnonzero(np.any(answers(changed, index) != answers(writes.values, index), axis=1)) + 1
        for name, index in (("literal", literal), ("ours", ours))
    }
    # The value of token 8 is another: tokens 5 to 7, of its chunk, know of it before it comes.
    assert seen["literal"].min() == 5
    assert seen["ours"].min() == 9
