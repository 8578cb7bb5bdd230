"""All forms compute the same, whatever the length, and wherever a sequence is cut."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.memories import (
    AssociativeMemory,
    Chunked,
    Delta,
    GatedDelta,
    Hebbian,
    KeyLength,
    MatrixMemory,
    Parallel,
    ProximalDelta,
    Read,
    Reads,
    Recurrent,
    Titans,
    TitansRetention,
    TwoLayerMemory,
    Writes,
)
from ntadyn.nested.memories.chunked import products_between, unit_lower_inverse
from tests.nested.memories.sequences import KEY_SIZE, VALUE_SIZE, distance, part, sequence

# Divisible by no chunk size but 1.
TOKENS = 37
CASES = [
    pytest.param(Hebbian(), False, [Chunked(4)], id="hebbian"),
    pytest.param(Hebbian(), True, [Parallel(), Chunked(16)], id="gated hebbian"),
    pytest.param(Delta(), False, [Chunked(4), Chunked(16)], id="delta"),
    pytest.param(Delta(), False, [Chunked(1), Chunked(64)], id="delta, other sizes", marks=pytest.mark.slow),
    pytest.param(GatedDelta(), True, [Chunked(4), Parallel()], id="gated delta"),
    pytest.param(ProximalDelta(), True, [Chunked(16)], id="proximal delta", marks=pytest.mark.slow),
]
FORMS = {"recurrent": Recurrent(), "parallel": Parallel(), "chunked": Chunked(8)}


@pytest.mark.representatives(1)
@pytest.mark.parametrize(("rule", "gated", "forms"), CASES)
def test_all_forms_agree_in_values_and_gradients(rule, gated, forms):
    """Reads before and after writes; among the retentions are zeros, in a row too, where logarithms have no value."""
    rng = np.random.default_rng(1)
    weights = jnp.asarray(rng.normal(size=(2, TOKENS, VALUE_SIZE)))
    weight = jnp.asarray(rng.normal(size=(VALUE_SIZE, KEY_SIZE)))

    def total(form, state, writes, queries):
        state, answers = form.run(rule, state, writes, Reads((queries,), (queries,)))
        answers = jnp.stack([answers.before[0], answers.after[0]])
        return jnp.sum(weights * answers) + jnp.sum(weight * state), (state, answers)

    @jax.jit
    def all_forms(*inputs):
        kinds = [Recurrent(), *forms]
        return [
            jax.value_and_grad(functools.partial(total, form), argnums=(0, 1, 2), has_aux=True)(*inputs)
            for form in kinds
        ]

    (values, gradients), *others = all_forms(*sequence(TOKENS, gated=gated))
    for other_values, other_gradients in others:
        assert distance(other_values, values) <= 1e-12
        assert distance(other_gradients, gradients) <= 1e-10


@pytest.mark.representatives(2)
@pytest.mark.parametrize("form", [Recurrent(), Parallel(), Chunked(16)], ids=FORMS)
def test_two_calls_are_one_call(form):
    """Cut where no chunk ends, into pieces that fill none."""
    half, (state, writes, queries) = 13, sequence(26)
    memory = jax.jit(AssociativeMemory(GatedDelta(), form))
    end, answers = memory(state, writes, queries)
    state, first = memory(state, part(writes, 0, half), queries[:half])
    state, second = memory(state, part(writes, half, 2 * half), queries[half:])
    allowed = 0 if isinstance(form, Recurrent) else 1e-12
    assert distance((state, jnp.concatenate([first, second])), (end, answers)) <= allowed


@pytest.mark.representatives(2)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_samples_do_not_know_each_other(form):
    """What other samples of a batch are changes no bit of a sample."""
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(sequence(9, seed) for seed in range(3)))
    changed = jax.tree.map(lambda leaf: leaf.at[1].set(leaf[1] / 2), batch)
    memory = jax.jit(jax.vmap(AssociativeMemory(GatedDelta(), form)))
    one, other = memory(*batch), memory(*changed)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left[::2], right[::2])
    assert distance(one[0][1], other[0][1]) > 0.01


@pytest.mark.slow
def test_samples_of_titans_do_not_know_each_other():
    def run(key, seed):
        state = Titans().initial_state(TwoLayerMemory.initialise(key, KEY_SIZE, 6, VALUE_SIZE))
        _, writes, queries = seed
        retentions = TitansRetention(writes.retentions, writes.rates)
        return AssociativeMemory(Titans())(state, Writes(writes.keys, writes.values, writes.rates, retentions), queries)

    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(sequence(5, seed) for seed in range(2)))
    changed = jax.tree.map(lambda leaf: leaf.at[1].set(leaf[1] / 2), batch)
    program = jax.jit(jax.vmap(run))
    keys = jax.random.split(jax.random.key(0), 2)
    one, other = (jax.tree.leaves(program(keys, inputs)) for inputs in (batch, changed))
    assert all(np.array_equal(left[0], right[0]) for left, right in zip(one, other, strict=True))
    assert distance(one[-1][1], other[-1][1]) > 0.01


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_empty_sequence_changes_nothing(form):
    state, writes, queries = sequence(3)
    memory = AssociativeMemory(GatedDelta(), form)
    end, answers = jax.jit(lambda: memory(state, part(writes, 0, 0), queries[:0]))()
    assert distance(end, state) == 0
    assert answers.shape == (0, VALUE_SIZE)


def test_products_in_single_precision_lose_nothing_over_long_sequences():
    """Where differences of a running sum of logarithms have lost more than two digits."""
    retentions = np.random.default_rng(0).uniform(0.3, 1, size=1500).astype(np.float32)
    found = np.asarray(jax.jit(products_between)(jnp.asarray(retentions)))[-1, -20:]
    running = np.cumsum(np.log(retentions), dtype=np.float32)
    by_logarithms = np.exp(running[-1] - running[-20:])
    exact = np.append(np.cumprod(retentions[:-20:-1].astype(np.float64))[::-1], 1)
    assert np.max(np.abs(found / exact - 1)) <= 20 * np.finfo(np.float32).eps
    assert np.max(np.abs(by_logarithms / exact - 1)) > 2e-5


def test_chunks_in_single_precision_stand_keys_that_are_all_alike():
    """Powers of the matrix of the chunk would grow to 2^64 there; its inverse has entries of at most 1."""
    tokens = 64
    writes = Writes(
        jnp.ones((tokens, 1), jnp.float32),
        jnp.arange(float(tokens), dtype=jnp.float32)[:, None],
        jnp.ones(tokens, jnp.float32),
    )
    memory = jax.jit(AssociativeMemory(Delta(), Chunked(tokens)))
    _, answers = memory(jnp.zeros((1, 1), jnp.float32), writes, writes.keys)
    np.testing.assert_array_equal(answers, writes.values)


@pytest.mark.parametrize("size", [0, 1, 5])
def test_the_inverse_of_a_unit_lower_triangle_is_one(size):
    lower = np.tril(np.random.default_rng(0).normal(size=(size, size)), -1)
    inverse = np.asarray(jax.jit(unit_lower_inverse)(jnp.asarray(lower)))
    np.testing.assert_allclose(inverse @ (np.eye(size) + lower), np.eye(size), atol=1e-13)


def test_forms_of_linear_memories_refuse_others():
    state = Titans().initial_state(MatrixMemory(jnp.zeros((VALUE_SIZE, KEY_SIZE))))
    _, writes, queries = sequence(3)
    for form in (Parallel(), Chunked(2)):
        with pytest.raises(ValueError, match=r"needs a linear rule .* was given Titans; use Recurrent\(\)"):
            AssociativeMemory(Titans(), form)(state, writes, queries)
    with pytest.raises(ValueError, match="size is 0; a chunk has at least 1 token"):
        Chunked(0)


def test_a_read_before_the_write_is_one_after_the_last_write():
    state, writes, queries = sequence(6)
    same = jnp.broadcast_to(queries[:1], queries.shape)
    before, after = (
        AssociativeMemory(GatedDelta(), Recurrent(), read)(state, writes, same)[1] for read in (Read.BEFORE, Read.AFTER)
    )
    np.testing.assert_array_equal(before[1:], after[:-1])
    np.testing.assert_allclose(before[0], state @ same[0], atol=1e-15)


def test_keys_and_queries_are_normalised_unless_told_otherwise():
    state, writes, queries = sequence(6)
    long = Writes(3 * writes.keys, writes.values, writes.rates, writes.retentions)
    normalised = jax.jit(AssociativeMemory(GatedDelta(), Recurrent()))
    as_given = jax.jit(AssociativeMemory(GatedDelta(), Recurrent(), key_length=KeyLength.AS_GIVEN))
    expected = normalised(state, writes, queries)
    assert distance(normalised(state, long, 5 * queries), expected) <= 1e-14
    assert distance(as_given(state, writes, queries), expected) <= 1e-14
    assert distance(as_given(state, long, queries), expected) > 1


def test_a_key_of_zeros_has_a_gradient():
    state, writes, queries = sequence(4)
    memory = AssociativeMemory(Delta(), Recurrent())
    nothing = Writes(0 * writes.keys, writes.values, writes.rates)
    gradient = jax.jit(jax.grad(lambda writes: jnp.sum(memory(state, writes, queries)[1])))(nothing)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_what_does_not_fit_is_refused_before_anything_is_computed():
    state, writes, queries = sequence(4)
    memory = AssociativeMemory(Hebbian())
    with pytest.raises(ValueError, match=r"queries \(3, 5\) do not fit; give \(tokens, d\)"):
        memory(state, writes, queries[:3])
    with pytest.raises(ValueError, match="dtypes float32, float64; give all the same"):
        memory(state.astype(jnp.float32), writes, queries)
    with pytest.raises(ValueError, match=r"Delta keeps all .* use GatedDelta\(\)"):
        AssociativeMemory(Delta())(state, writes, queries)
