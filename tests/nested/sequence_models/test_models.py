"""The skeleton and its sizes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.sequence_models import (
    MODELS,
    CausalConvolution,
    ContinuumFeedForward,
    Tokens,
    Vectors,
    build,
    matched_hidden,
    parameter_count,
    state_floats,
)
from ntadyn.nested.sequence_models.attention import CONTEXT
from tests.nested.sequence_models.small import WIDTH, distance, filled, small_model, vectors

SIZES = {"inputs": Tokens(64), "outputs": 64}


def shapes(name, **sizes):
    return eqx.filter_eval_shape(lambda: build(name, **(SIZES | sizes), key=jax.random.key(0)))


def test_convolution():
    """Against numpy's, entry by entry."""
    convolution = filled(lambda: CausalConvolution.initialise(jax.random.key(0), 4))
    tokens = vectors(9)
    _, mixed = eqx.filter_jit(convolution)(convolution.initial_state(), tokens)
    for entry in range(4):
        expected = np.convolve(tokens[:, entry], convolution.weights[::-1, entry])[:9]
        np.testing.assert_allclose(mixed[:, entry], expected, atol=1e-14)


def test_levels_start_as_the_identity_and_share_the_units():
    program = jax.jit(lambda feed_forward, tokens: feed_forward(tokens))
    tokens, key = vectors(2), jax.random.key(0)
    start = ContinuumFeedForward.initialise(key, 4, 8, 3)
    assert [level.first.shape[0] for level in start.levels] == [3, 3, 2]
    np.testing.assert_array_equal(program(start, tokens), tokens)
    moved = filled(lambda: ContinuumFeedForward.initialise(key, 4, 8, 3))
    expected = np.asarray(tokens)
    for level in moved.levels:
        size = np.sqrt(np.mean(expected**2, axis=1, keepdims=True))
        hidden = np.asarray(jax.nn.gelu(jnp.asarray(expected / size @ np.asarray(level.first).T)))
        expected = expected + hidden @ np.asarray(level.second).T
    np.testing.assert_allclose(program(moved, tokens), expected, atol=1e-12)


def test_block_is_its_formula():
    """h + O norm(mixer(convolution(norm h))), and what the levels add to it."""
    block = small_model("linear-attention").blocks[0]
    tokens = vectors(3, WIDTH)

    @jax.jit
    def both(tokens):
        norm = jax.vmap(block.norm)(tokens)
        _, mixed = block.convolution(block.convolution.initial_state(), norm)
        _, mixed = block.mixer(block.mixer.initial_state(), mixed)
        expected = tokens + jax.vmap(block.norm_of_mixed)(mixed) @ block.output.weight.T
        return block(block.initial_state(), tokens)[1], block.feed_forward(expected)

    assert distance(*both(tokens)) <= 1e-14


def test_vectors_are_read_too():
    model = small_model("linear-attention", inputs=Vectors(3))
    shape = jax.eval_shape(model, model.initial_state(), vectors(5, 3))[1]
    assert shape.shape == (5, 5)


@pytest.mark.slow
def test_every_model_can_be_matched_to_every_other_within_two_per_cent():
    wanted = parameter_count(shapes("transformer"))
    for name in MODELS:
        hidden = matched_hidden(name, wanted, **SIZES)
        assert abs(parameter_count(shapes(name, hidden=hidden)) / wanted - 1) <= 0.01, name


def test_counts():
    model = small_model("hope", depth=2)
    assert parameter_count(model) == sum(leaf.size for leaf in jax.tree.leaves(model) if eqx.is_inexact_array(leaf))
    assert parameter_count(shapes("transformer")) == parameter_count(shapes("linear-attention"))
    convolution, d = 3 * WIDTH, WIDTH
    assert state_floats(model, 100) == 2 * (convolution + 3 * d * d + 2 * d + 7 * d)
    assert state_floats(small_model("hope-frozen-projections"), 100) == convolution + d * d + 7 * d
    assert state_floats(small_model("titans"), 100) == convolution + 2 * d * d
    attention = small_model("transformer")
    assert [state_floats(attention, tokens) for tokens in (3, CONTEXT, 1000)] == [
        convolution + 2 * d * kept for kept in (3, CONTEXT, CONTEXT)
    ]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (jnp.zeros(3), "whole numbers below 7"),
        (jnp.zeros((2, 3), int), "whole numbers below 7"),
        (jnp.zeros(0, int), "at least one"),
    ],
)
def test_refusals_of_inputs(inputs, said):
    model = small_model("linear-attention")
    with pytest.raises(ValueError, match=said):
        model(model.initial_state(), inputs)


def test_other_refusals():
    model = small_model("linear-attention", inputs=Vectors(3))
    with pytest.raises(ValueError, match="vectors of 3 entries"):
        model(model.initial_state(), vectors(5, 4))
    with pytest.raises(ValueError, match="no sequence model 'hop'"):
        build("hop", **SIZES, key=jax.random.key(0))
    with pytest.raises(ValueError, match="'depth': 0"):
        build("hope", **SIZES, depth=0, key=jax.random.key(0))
    with pytest.raises(ValueError, match="2 hidden units for 3 levels"):
        build("hope", **SIZES, hidden=2, key=jax.random.key(0))
    with pytest.raises(ValueError, match="ask for"):
        matched_hidden("hope", 100, **SIZES)
