"""Self-modifying memory against its equations, its limits, and its bound; H0, H2, H3, H5 and H7."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.memories import AssociativeMemory, GatedDelta, Read, Recurrent, Writes
from ntadyn.nested.sequence_models import (
    FROZEN,
    Answering,
    Descent,
    FastMatrix,
    Guard,
    MaxRates,
    Objective,
    SelfModifyingMemory,
    Targets,
    WriteGradient,
    WriteRule,
)
from tests.nested.sequence_models import reference
from tests.nested.sequence_models.small import distance, memory, two_layers, vectors

SQUARED = WriteRule(objective=Objective.SQUARED, descent=Descent.PLAIN)
AS_PRINTED = WriteRule(objective=Objective.SQUARED, descent=Descent.DELTA)
PLAIN = WriteRule(descent=Descent.PLAIN)
EVEN = MaxRates(0.3, 0.3, 0.3, 0.3, 0.3, 0.9)
PARTS = MaxRates._fields


@eqx.filter_jit
def run(model, tokens):
    return model(model.initial_state(), tokens)


CASES = {
    "defaults": lambda: memory(chunk=4),
    "token by token, even rates, queries too": lambda: memory(chunk=1, max_rates=EVEN),
    "after, values": lambda: memory(chunk=4, answering=Answering.AFTER, targets=Targets.VALUES, max_rates=EVEN),
    "squared, before": lambda: memory(chunk=4, how=SQUARED, answering=Answering.BEFORE, guard=Guard.NORMALISED),
    "as printed, raw": lambda: memory(chunk=4, how=AS_PRINTED, guard=Guard.RAW, max_rates=EVEN),
    "fixed keys": lambda: memory(chunk=4, how=PLAIN, max_rates=MaxRates(keys=0.0, values=0.2)),
    "two layers": lambda: memory(two_layers, chunk=4, answering=Answering.AFTER, max_rates=EVEN),
    "two layers, squared": lambda: memory(two_layers, chunk=4, how=AS_PRINTED, max_rates=EVEN),
}
DEFAULT = ("defaults", "squared, before")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in DEFAULT else pytest.mark.slow) for name in CASES]
)
def test_equations(name):
    """Token by token in numpy, with slopes by differentiation; 8 tokens of 4, then 3 of a chunk that is not full."""
    model, tokens = CASES[name](), vectors(11)
    state, answers = run(model, tokens)
    expected, trace = reference.run(model, tokens)
    assert distance(answers, expected) <= 1e-12
    last = 10 if model.chunk == 1 else 7
    for part, found in state.memories.items():
        assert distance(reference.weights_of(found), trace[last][part]) <= 1e-12
    assert set(state.memories) == {part for part in PARTS if getattr(model.max_rates, part) > 0}


@pytest.mark.parametrize("chunk", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_h2_without_self_modification_it_is_the_gated_delta_rule(chunk):
    """At any chunk, where answers know the tokens before."""
    model = memory(chunk=chunk, max_rates=FROZEN, targets=Targets.VALUES, answering=Answering.BEFORE)
    tokens = vectors(10)
    _, answers = run(model, tokens)
    gated = AssociativeMemory(GatedDelta(), Recurrent(), Read.BEFORE)

    @jax.jit
    def by_the_rule(tokens):
        keys, values, queries = (getattr(model, name)(tokens) for name in ("keys", "values", "queries"))
        values = values / jnp.linalg.norm(values, axis=1, keepdims=True)
        rates = jax.nn.sigmoid(model.rates(tokens)[:, 0] + model.rate_bias)
        retentions = jax.nn.sigmoid(model.retentions(tokens)[:, 0] + model.retention_bias)
        _, answers = gated(model.memory.matrix, Writes(keys, values, rates, retentions), queries)
        return answers + queries / jnp.linalg.norm(queries, axis=1, keepdims=True)

    expected = by_the_rule(tokens)
    assert distance(answers, expected) <= 1e-12
    if chunk == 1:
        _, at_start = run(dataclasses.replace(model, answering=Answering.CHUNK_START), tokens)
        assert distance(at_start, answers) <= 1e-12


@pytest.mark.slow
def test_h3_delta_descent_of_the_dot_objective_is_descent_of_the_squared_one_token_by_token():
    """All five memories and the answers; in chunks the two differ, because only one of them reads at the start."""
    tokens = vectors(8)
    dot, squared = (run(memory(chunk=1, max_rates=EVEN, how=how), tokens) for how in (WriteRule(), SQUARED))
    assert distance(dot, squared) <= 1e-12
    dot, squared = (run(memory(chunk=4, max_rates=EVEN, how=how), tokens) for how in (WriteRule(), SQUARED))
    assert distance(dot[0].memories, squared[0].memories) > 1e-3


@pytest.mark.slow
def test_h7_chunks_matter():
    tokens = vectors(8)
    _, one = run(memory(chunk=1), tokens)
    _, all_at_once = run(memory(chunk=8), tokens)
    assert distance(one, all_at_once) > 1e-3
    # Nothing is known within the first chunk but where memories start.
    model = memory(chunk=8)
    queries = np.asarray(tokens) @ np.asarray(model.queries.matrix).T
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    assert distance(all_at_once, queries + queries @ np.asarray(model.memory.matrix).T) <= 1e-12


@pytest.mark.parametrize(("how", "recalled"), [(WriteRule(), 1.0), (SQUARED, 1.0), (AS_PRINTED, 0.5)])
def test_printed_rule_recalls_one_half(how, recalled):
    """The same pair written fifty times: what the memory adds for its key, as a share of the value."""
    model = memory(chunk=1, how=how, max_rates=FROZEN, targets=Targets.VALUES)
    nothing = jnp.zeros((1, 4))
    model = dataclasses.replace(
        model,
        rates=FastMatrix(nothing),
        retentions=FastMatrix(nothing),
        rate_bias=jnp.asarray(0.0),
        retention_bias=jnp.asarray(40.0),
    )
    token = vectors(1)
    state, _ = run(model, jnp.repeat(token, 50, axis=0))
    key, value = (reference.unit(np.asarray(one.matrix) @ np.asarray(token[0])) for one in (model.keys, model.values))
    np.testing.assert_allclose(np.asarray(state.memories["memory"].matrix) @ key, recalled * value, atol=1e-12)


def slopes_of(model, tokens, weights):
    def loss(model):
        return jnp.sum(weights * model(model.initial_state(), tokens)[1] ** 2)

    return eqx.filter_jit(eqx.filter_value_and_grad(loss)), loss


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("make", [SelfModifyingMemory.linear, two_layers], ids=["matrix", "two layers"])
def test_h5_outer_gradient(make):
    """Against central differences along random directions of every memory, each of which learns from the outer loss."""
    model = memory(make, chunk=2, max_rates=EVEN)
    tokens, rng = vectors(6), np.random.default_rng(2)
    program, loss = slopes_of(model, tokens, jnp.asarray(rng.normal(size=(6, 4))))
    _, slope = program(model)
    value = eqx.filter_jit(loss)
    for part in (*PARTS, "rate_bias", "retention_bias"):
        direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), getattr(model, part))

        def moved(size, part=part, direction=direction):
            own = jax.tree.map(lambda leaf, change: leaf + size * change, getattr(model, part), direction)
            return value(eqx.tree_at(lambda model: getattr(model, part), model, own))

        products = jax.tree.map(lambda left, right: jnp.sum(left * right), getattr(slope, part), direction)
        along = float(sum(jax.tree.leaves(products)))
        numeric = (float(moved(1e-5)) - float(moved(-1e-5))) / 2e-5
        assert abs(along) > 1e-5, part
        assert abs(along - numeric) <= 1e-6 * abs(numeric), part


@pytest.mark.slow
@pytest.mark.parametrize("answering", [Answering.CHUNK_START, Answering.AFTER])
def test_stopped_writes_hide_from_the_outer_gradient(answering):
    """The same numbers; only what answers learns, as if its start had been added to what was written."""
    tokens = vectors(6)
    full = memory(chunk=2, answering=answering)
    stopped = dataclasses.replace(full, how=WriteRule(gradient=WriteGradient.STOPPED))
    weights = jnp.asarray(np.random.default_rng(2).normal(size=(6, 4)))
    value, slope = slopes_of(stopped, tokens, weights)[0](stopped)
    _, answers = run(full, tokens)
    assert distance(value, jnp.sum(weights * answers**2)) <= 1e-12
    for part in PARTS:
        size = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(getattr(slope, part)))
        assert (size > 1e-5) == (part in ("queries", "memory")), part
    # Answers are q + (A + what was written) q: the slope by A is that of this sum.
    queries = stopped.queries(tokens)
    queries = queries / jnp.linalg.norm(queries, axis=1, keepdims=True)
    assert distance(slope.memory.matrix, (2 * weights * answers).T @ queries) <= 1e-12


def norms(guard, rates, tokens=10_000, width=32):
    """|A|_F after every of many random tokens, for constant rates, with all else as it starts."""
    made = SelfModifyingMemory.linear(jax.random.key(0), width, chunk=1, guard=guard, max_rates=FROZEN)
    nothing = jnp.zeros((1, width))
    model = dataclasses.replace(made, rates=FastMatrix(nothing), retentions=FastMatrix(nothing))
    inputs = jax.random.normal(jax.random.key(1), (tokens, 1, width))

    def one(rate):
        biased = dataclasses.replace(model, rate_bias=jnp.log(rate / (1 - rate)))

        def step(state, token):
            state, _ = biased(state, token)
            return state, jnp.sqrt(jnp.sum(state.memories["memory"].matrix ** 2))

        return jax.lax.scan(step, biased.initial_state(), inputs)[1]

    return np.asarray(jax.jit(jax.vmap(one))(jnp.asarray(rates)))


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_h0_bound():
    """|A|_F <= eta / (1 - alpha) over ten thousand tokens, and far below it.

    At eta = 0.5 at most 2.6, for a bound of 27.8: keys and values are maps of one token. Were they independent, it
    would be 2.2.
    """
    rates = np.array([0.1, 0.5, 0.9])
    bound = rates / (1 - reference.sigmoid(4.0))
    clipped = norms(Guard.CLIPPED, rates).max(axis=1)
    assert np.all(clipped <= bound)
    assert 2.5 <= clipped[1] <= 2.7


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_raw_values_blow_up():
    grown = norms(Guard.RAW, [0.5], tokens=1000)[0]
    assert np.nanmax(np.where(np.isfinite(grown), grown, np.inf)) > 1e6


def test_refusals():
    with pytest.raises(ValueError, match="chunk has at least 1"):
        memory(chunk=0)
    with pytest.raises(ValueError, match="must be positive"):
        memory(max_rates=MaxRates(memory=0.0))
