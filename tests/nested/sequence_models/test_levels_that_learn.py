"""Levels of the feed-forward parts that learn in context, and in training."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.nested.sequence_models import (
    MODELS,
    Recipe,
    Tokens,
    assemble,
    continuum_optimiser,
    dynamic_evaluation,
    initial_learning_state,
)
from ntadyn.nested.sequence_models.models import LEVELS
from tests.nested.sequence_models.small import SYMBOLS, WIDTH, distance, filled, symbols

CHUNKS = (2, 4, 8)
RATES = (0.2, 0.1, 0.05)


def loss(answers, targets):
    return jnp.sum(optax.softmax_cross_entropy_with_integer_labels(answers, targets))


@pytest.fixture(scope="module")
def model():
    """Two blocks of three levels each, around the mixer that compiles fastest: levels do not know what it is."""
    recipe = Recipe(MODELS["linear-attention"].mixer, LEVELS)
    sizes = {"inputs": Tokens(SYMBOLS), "outputs": 5, "width": WIDTH, "depth": 2, "hidden": 12}
    return filled(lambda: assemble(recipe, **sizes, key=jax.random.key(0)))


@pytest.fixture(scope="module")
def learned(model):
    """(state, inputs, targets, rates) -> (state, answers), one program for all tests."""
    return jax.jit(
        lambda state, inputs, targets, rates: dynamic_evaluation(
            model, state, inputs, targets, loss=loss, rates=rates, chunks=CHUNKS
        )
    )


@pytest.fixture(scope="module")
def data():
    return symbols(0, 8), symbols(1, 8) % 5


@pytest.mark.slow
def test_h8_rates_of_zero_change_no_bit(model, learned, data):
    """Levels, after a whole run; answers, operation by operation: programs may round a product differently."""
    start, still = initial_learning_state(model), (0.0, 0.0, 0.0)
    state, answers = learned(start, *data, still)
    for left, right in zip(jax.tree.leaves(state.levels), jax.tree.leaves(start.levels), strict=True):
        np.testing.assert_array_equal(left, right)
    inputs, targets = data
    with jax.disable_jit():
        _, interpreted = dynamic_evaluation(model, start, inputs, targets, loss=loss, rates=still, chunks=CHUNKS)
        memory, expected = model.initial_state(), []
        for part in inputs.reshape(-1, 2):
            memory, answer = model(memory, part)
            expected.append(answer)
    np.testing.assert_array_equal(interpreted, jnp.concatenate(expected))
    assert distance(answers, interpreted) <= 1e-12


@pytest.mark.slow
def test_h8_a_chunk_that_is_repeated_is_answered_better(model, learned, data):
    """With the memory at its start again: only what the levels have learned helps."""
    start = initial_learning_state(model)
    state, answers = learned(start, *data, RATES)
    again = eqx.tree_at(lambda state: state.memory, state, start.memory)
    _, better = learned(again, *data, RATES)
    assert loss(better, data[1]) < loss(answers, data[1])


@pytest.mark.slow
def test_targets_are_known_only_after_their_chunk(model, learned, data):
    inputs, targets = data
    start, rates = initial_learning_state(model), RATES
    _, answers = learned(start, inputs, targets, rates)
    for token in (2, 3):
        _, changed = learned(start, inputs, targets.at[token].set((targets[token] + 1) % 5), rates)
        np.testing.assert_array_equal(changed[:4], answers[:4])
        assert distance(changed[4:], answers[4:]) > 1e-6


@pytest.mark.slow
def test_every_level_moves_where_its_chunk_ends(model, data):
    """Against gradients that are added up by hand, one call per chunk of the fastest level."""
    inputs, targets = data

    @jax.jit
    def slopes(levels, memory, read, revealed):
        def of(levels):
            changed = eqx.tree_at(
                lambda model: [block.feed_forward.levels for block in model.blocks],
                model,
                list(zip(*levels, strict=True)),
            )
            memory_after, answers = changed(memory, read)
            return loss(answers, revealed), memory_after

        return jax.grad(of, has_aux=True)(levels)

    once = jax.jit(
        lambda state, read, revealed: dynamic_evaluation(
            model, state, read, revealed, loss=loss, rates=RATES, chunks=CHUNKS
        )
    )
    state = initial_learning_state(model)
    levels, memory = list(state.levels), state.memory
    sums = jax.tree.map(jnp.zeros_like, levels)
    for number in range(4):
        part = slice(2 * number, 2 * number + 2)
        before = state.levels
        state, _ = once(state, inputs[part], targets[part])
        slope, memory = slopes(tuple(levels), memory, inputs[part], targets[part])
        for index, chunk in enumerate(CHUNKS):
            sums[index] = (
                jax.tree.map(lambda new, old: old + new, slope[index], sums[index]) if sums[index] else slope[index]
            )
            if 2 * (number + 1) % chunk == 0:
                levels[index] = jax.tree.map(
                    lambda leaf, change, index=index: leaf - RATES[index] * change, levels[index], sums[index]
                )
                sums[index] = jax.tree.map(jnp.zeros_like, sums[index])
                assert distance(state.levels[index], before[index]) > 0
            else:
                assert distance(state.levels[index], before[index]) == 0
        assert distance(state.levels, tuple(levels)) <= 1e-12


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chunks": (2, 3, 6)}, "each must divide the next"),
        ({"rates": (0.1, 0.1)}, "2 rates and 3 chunks for 3 levels"),
        ({"inputs": symbols(0, 7), "targets": symbols(1, 7)}, "multiple of 2"),
        ({"targets": symbols(1, 6)}, "one target per token"),
    ],
)
def test_refusals(model, data, changes, said):
    given = {"inputs": data[0], "targets": data[1], "loss": loss, "rates": RATES, "chunks": CHUNKS} | changes
    with pytest.raises(ValueError, match=said):
        dynamic_evaluation(model, initial_learning_state(model), **given)


def test_levels_in_training_move_after_every_chunk_along_the_sum_of_their_gradients(model):
    """Gradients of one, plain descent: after N steps level l has gone floor(N / C_l) C_l shares of the rate."""
    optimiser = continuum_optimiser(lambda share: optax.sgd(0.1 * share), (1, 2, 4), (1.0, 0.5, 0.25))
    start = eqx.filter(model, eqx.is_inexact_array)
    ones, now = jax.tree.map(jnp.ones_like, start), start
    with jax.numpy_dtype_promotion("standard"):  # optax multiplies whole numbers by truth values
        state = optimiser.init(start)
        step = jax.jit(lambda now, state: optimiser.update(ones, state, now))
        for count in range(1, 6):
            updates, state = step(now, state)
            now = eqx.apply_updates(now, updates)
            for level, first, chunk, share in zip(
                now.blocks[0].feed_forward.levels,
                start.blocks[0].feed_forward.levels,
                (1, 2, 4),
                (1.0, 0.5, 0.25),
                strict=True,
            ):
                gone = 0.1 * share * (count // chunk) * chunk
                np.testing.assert_allclose(first.first - level.first, gone, atol=1e-12)
            np.testing.assert_allclose(start.readout.weight - now.readout.weight, 0.1 * count, atol=1e-12)


def test_levels_of_one_clock_and_one_rate_are_no_levels(model):
    """`chunks` of 1 and `shares` of 1, as the table of one clock has them, are the optimiser of all parameters."""
    start = eqx.filter(model, eqx.is_inexact_array)
    gradients = jax.tree.map(jnp.sin, start)
    with jax.numpy_dtype_promotion("standard"):
        whole, parts = (
            optax.sgd(0.1, momentum=0.9),
            continuum_optimiser(lambda share: optax.sgd(0.1 * share, momentum=0.9), (1, 1, 1), (1.0, 1.0, 1.0)),
        )
        states = [whole.init(start), parts.init(start)]
        for _ in range(2):
            updates, states = zip(
                *(one.update(gradients, state, start) for one, state in zip((whole, parts), states, strict=True)),
                strict=True,
            )
    assert distance(*updates) <= 1e-15
