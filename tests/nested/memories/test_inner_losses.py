"""What a memory loses on a pair before and after it is written."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.nested.memories import (
    AssociativeMemory,
    Chunked,
    GatedDelta,
    Hebbian,
    ProximalDelta,
    Read,
    Recurrent,
    Titans,
    TitansRetention,
    TwoLayerMemory,
    Writes,
)
from tests.nested.memories.sequences import KEY_SIZE, VALUE_SIZE, distance, sequence

TOKENS = 5


def stepwise(rule, state, writes):
    """The objective at the states themselves."""
    before, after = [], []
    for token in range(TOKENS):
        key, value, rate, retention = jax.tree.map(
            lambda leaf, token=token: leaf[token], (writes.keys, writes.values, writes.rates, writes.retentions)
        )
        before.append(rule.objective(state, key, value))
        state = rule.write(state, key, value, retention, rate)
        after.append(rule.objective(state, key, value))
    return jnp.stack(before), jnp.stack(after)


@pytest.mark.parametrize("read", Read)
@pytest.mark.parametrize("form", [Recurrent(), Chunked(2)], ids=["recurrent", "chunked"])
@pytest.mark.parametrize("rule", [Hebbian(), GatedDelta()], ids=["hebbian", "gated_delta"])
def test_inner_losses_are_the_objective_around_every_write(rule, form, read):
    state, writes, queries = sequence(TOKENS)
    memory = AssociativeMemory(rule, form, read)
    end, answers, losses = memory.with_inner_losses(state, writes, queries)
    assert distance((losses.before, losses.after), stepwise(rule, state, writes)) <= 1e-12
    assert distance((end, answers), memory(state, writes, queries)) <= 1e-14


def test_titans_has_inner_losses_too():
    rule, (_, writes, queries) = Titans(), sequence(TOKENS)
    state = rule.initial_state(TwoLayerMemory.initialise(jax.random.key(0), KEY_SIZE, 6, VALUE_SIZE))
    retentions = TitansRetention(writes.retentions, writes.rates)
    writes = Writes(writes.keys, writes.values, writes.rates, retentions)
    *_, losses = AssociativeMemory(rule).with_inner_losses(state, writes, queries)
    assert distance((losses.before, losses.after), stepwise(rule, state, writes)) <= 1e-12


def test_inner_losses_are_not_computed_unless_asked_for():
    memory = AssociativeMemory(ProximalDelta(), Recurrent())
    plain, asked = (
        str(jax.make_jaxpr(run)(*sequence(TOKENS))).count("dot_general") for run in (memory, memory.with_inner_losses)
    )
    # One product for the answer and one for what is erased; two more for the answers to the key.
    assert (plain, asked) == (2, 4)


def test_an_implicit_write_shrinks_the_error_by_a_known_factor():
    """By 1 / (1 + b |k|^2), if all is kept."""
    state, writes, queries = sequence(TOKENS, gated=False)
    *_, losses = AssociativeMemory(ProximalDelta()).with_inner_losses(state, writes, queries)
    np.testing.assert_allclose(losses.after * (1 + writes.rates) ** 2, losses.before, rtol=1e-12)
