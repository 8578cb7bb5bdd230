"""Every model: no token sees a later one, a stream is a sequence, and samples do not know each other."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.sequence_models import MODELS, Answering, SelfModifyingMemory, SoftmaxAttention
from tests.nested.sequence_models.small import (
    TOKENS,
    distance,
    filled,
    memory,
    small_model,
    symbols,
    two_layers,
    vectors,
)

HALF, CHANGED = TOKENS // 2, 7
BY_DEFAULT = ("hope",)


def checked(model, inputs, changed):
    """H1, H4 and H6 with two programs: both sequences side by side, and half of each.

    The half is no multiple of a chunk. `changed` differs from the inputs from the token CHANGED on.
    """
    start = jax.tree.map(lambda leaf: jnp.asarray(np.stack([leaf, leaf])), model.initial_state())
    program = eqx.filter_jit(lambda model, state, inputs: jax.vmap(model)(state, inputs))
    other = jnp.flip(inputs, 0)
    end, answers = program(model, start, jnp.stack([inputs, other]))
    _, of_changed = program(model, start, jnp.stack([changed, other]))
    np.testing.assert_array_equal(answers[0, :CHANGED], of_changed[0, :CHANGED])
    np.testing.assert_array_equal(answers[1], of_changed[1])
    assert distance(answers[0, CHANGED:], of_changed[0, CHANGED:]) > 1e-3
    halves, state = [], start
    for part in (slice(HALF), slice(HALF, TOKENS)):
        state, answered = program(model, state, jnp.stack([inputs[part], other[part]]))
        halves.append(answered)
    assert distance((state, jnp.concatenate(halves, axis=1)), (end, answers)) <= 1e-12
    # What was read before matters to what comes later.
    _, alone = program(model, start, jnp.stack([inputs[HALF:], other[HALF:]]))
    assert distance(alone, answers[:, HALF:]) > 1e-3


@pytest.mark.representatives(4)
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in BY_DEFAULT else pytest.mark.slow) for name in MODELS]
)
def test_causality_streams_and_samples(name):
    inputs = symbols()
    checked(small_model(name), inputs, inputs.at[CHANGED].add(1) % 7)


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "answering", "chunk"),
    [
        (SelfModifyingMemory.linear, Answering.BEFORE, 4),
        (SelfModifyingMemory.linear, Answering.AFTER, 1),
        (two_layers, Answering.AFTER, 4),
    ],
    ids=["matrix, before", "matrix, after", "two layers, after"],
)
def test_self_modifying_memories(make, answering, chunk):
    inputs = vectors()
    checked(memory(make, answering=answering, chunk=chunk), inputs, inputs.at[CHANGED].add(1.0))


def test_attention_looks_back_as_far_as_its_window():
    """Rotations as complex numbers; the window is shorter than the sequence, and than the part that is streamed."""
    context, heads, width = 5, 2, 8
    model = filled(lambda: SoftmaxAttention.initialise(jax.random.key(0), width, heads, context))
    tokens = vectors(width=width)
    size = width // heads
    angles = np.outer(np.arange(TOKENS), 10_000.0 ** (-np.arange(size // 2) / (size // 2)))
    queries, keys, values = (
        np.asarray(tokens @ one.weight.T).reshape(TOKENS, heads, size)
        for one in (model.queries, model.keys, model.values)
    )
    turned = [
        (rows[..., : size // 2] + 1j * rows[..., size // 2 :]) * np.exp(1j * angles)[:, None]
        for rows in (queries, keys)
    ]
    expected = np.zeros((TOKENS, heads, size))
    for token in range(TOKENS):
        seen = slice(max(0, token - context + 1), token + 1)
        scores = np.einsum("he,she->hs", turned[0][token], turned[1][seen].conj()).real / size**0.5
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        expected[token] = np.einsum("hs,she->he", weights, values[seen])
    program = eqx.filter_jit(lambda state, tokens: model(state, tokens))
    _, answers = program(model.initial_state(), tokens)
    assert distance(answers, expected.reshape(TOKENS, width)) <= 1e-12
    state, first = program(model.initial_state(), tokens[:HALF])
    _, second = program(state, tokens[HALF:])
    assert distance(jnp.concatenate([first, second]), answers) <= 1e-12


@pytest.mark.parametrize(
    ("heads", "context", "said"), [(3, 4, "even number"), (8, 4, "even number"), (2, 0, "at least 1")]
)
def test_refusals_of_attention(heads, context, said):
    with pytest.raises(ValueError, match=said):
        SoftmaxAttention.initialise(jax.random.key(0), 8, heads, context)
