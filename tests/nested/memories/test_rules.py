"""Rules against what is known of them: what they recall, which limits they share, and what they minimise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from ntadyn.nested.memories import (
    AssociativeMemory,
    Delta,
    GatedDelta,
    Hebbian,
    KeyLength,
    MatrixMemory,
    ProximalDelta,
    Recurrent,
    Titans,
    TitansRetention,
    TwoLayerMemory,
    Writes,
)
from tests.nested.memories.sequences import KEY_SIZE, VALUE_SIZE, distance, sequence, unit

RNG = np.random.default_rng(0)
STATE, VALUE = jnp.asarray(RNG.normal(size=(VALUE_SIZE, KEY_SIZE))), jnp.asarray(RNG.normal(size=VALUE_SIZE))
LONG_KEY = jnp.asarray(RNG.normal(size=KEY_SIZE))
UNIT_KEY = jnp.asarray(unit(np.asarray(LONG_KEY)))
RATE, RETENTION = jnp.asarray(0.7), jnp.asarray(0.9)


def stored(rule, keys, values):
    """The state after pairs have been written to an empty memory at rate 1."""
    state, writes = (
        np.zeros((VALUE_SIZE, KEY_SIZE)),
        Writes(jnp.asarray(keys), jnp.asarray(values), jnp.ones(len(keys))),
    )
    return jax.jit(AssociativeMemory(rule, Recurrent()))(jnp.asarray(state), writes, writes.keys)[0]


def test_the_delta_rule_recalls_the_last_pair_whatever_was_there():
    state = Delta().write(STATE, UNIT_KEY, VALUE, None, jnp.ones(()))
    assert distance(Delta().read(state, UNIT_KEY), VALUE) <= 1e-12


def test_orthonormal_keys_are_recalled_exactly_up_to_as_many_as_a_key_is_long():
    keys = np.linalg.qr(RNG.normal(size=(KEY_SIZE, KEY_SIZE)))[0]
    values = RNG.normal(size=(KEY_SIZE, VALUE_SIZE))
    hebbian, delta = (stored(rule, keys, values) for rule in (Hebbian(), Delta()))
    assert distance(hebbian, delta) <= 1e-12
    assert distance(keys @ np.asarray(delta).T, values) <= 1e-12


def test_of_a_key_with_two_values_delta_answers_the_last_and_hebb_the_sum():
    keys, values = np.stack([UNIT_KEY] * 2), RNG.normal(size=(2, VALUE_SIZE))
    for rule, expected in ((Delta(), values[1]), (Hebbian(), values.sum(0))):
        assert distance(np.asarray(stored(rule, keys, values)) @ UNIT_KEY, expected) <= 1e-12


def test_steps_down_the_dot_product_with_the_delta_factor_are_the_delta_rule():
    """M (a I - b k k^T) - b g, with g the gradient of -<M k, v>, is a M - b g with g that of 1/2 |M k - v|^2."""

    @jax.jit
    def run():
        slope = jax.grad(Hebbian().objective)(STATE, UNIT_KEY, VALUE)
        factor = RETENTION * jnp.eye(KEY_SIZE) - RATE * jnp.outer(UNIT_KEY, UNIT_KEY)
        return STATE @ factor - RATE * slope, GatedDelta().write(STATE, UNIT_KEY, VALUE, RETENTION, RATE)

    assert distance(*run()) <= 1e-12


def test_gated_deltanet_is_the_gated_delta_rule_with_other_numbers():
    """M <- a M (I - b k k^T) + b v k^T, as its authors write it."""
    erased = jnp.eye(KEY_SIZE) - RATE * jnp.outer(UNIT_KEY, UNIT_KEY)
    theirs = RETENTION * STATE @ erased + RATE * jnp.outer(VALUE, UNIT_KEY)
    ours = GatedDelta().write(STATE, UNIT_KEY, VALUE / RETENTION, RETENTION, RETENTION * RATE)
    assert distance(ours, theirs) <= 1e-12


def titans_answers(retentions, writes, queries, rule, matrix):
    writes = Writes(writes.keys, writes.values, writes.rates, retentions)
    state, answers = jax.jit(AssociativeMemory(rule))(rule.initial_state(MatrixMemory(matrix)), writes, queries)
    return state.memory.matrix, answers


def test_titans_without_momentum_is_gated_delta_and_delta_if_nothing_is_forgotten():
    matrix, writes, queries = sequence(7)
    rule, none, all_ = Titans(max_gradient_norm=None), jnp.zeros(7), jnp.ones(7)
    forgetting = titans_answers(TitansRetention(writes.retentions, none), writes, queries, rule, matrix)
    assert distance(forgetting, AssociativeMemory(GatedDelta())(matrix, writes, queries)) <= 1e-12
    keeping = titans_answers(TitansRetention(all_, none), writes, queries, rule, matrix)
    ungated = Writes(writes.keys, writes.values, writes.rates)
    assert distance(keeping, AssociativeMemory(Delta())(matrix, ungated, queries)) <= 1e-12


def test_titans_with_momentum_is_its_recurrence():
    matrix, writes, queries = sequence(7)
    momenta = RNG.uniform(size=7)
    retentions = TitansRetention(writes.retentions, jnp.asarray(momenta))
    found = titans_answers(retentions, writes, queries, Titans(max_gradient_norm=None), matrix)
    state, moving, answers = np.asarray(matrix), np.zeros(matrix.shape), []
    for token in range(7):
        key, value = np.asarray(writes.keys[token]), np.asarray(writes.values[token])
        moving = momenta[token] * moving - float(writes.rates[token]) * np.outer(state @ key - value, key)
        state = float(writes.retentions[token]) * state + moving
        answers.append(state @ np.asarray(queries[token]))
    assert distance(found, (state, np.stack(answers))) <= 1e-12


def test_titans_shortens_long_gradients_only():
    rule, none = Titans(max_gradient_norm=0.5), TitansRetention(jnp.ones(()), jnp.zeros(()))
    state, direction = rule.initial_state(MatrixMemory(STATE)), jnp.asarray(unit(np.asarray(VALUE)))

    @jax.jit
    @jax.value_and_grad
    def moved(error):
        value = STATE @ UNIT_KEY - error * direction
        after = rule.write(state, UNIT_KEY, value, none, jnp.ones(())).memory.matrix
        return jnp.sum((STATE - after) * jnp.outer(direction, UNIT_KEY))

    for error, length, slope in ((0.0, 0.0, 1.0), (0.3, 0.3, 1.0), (4.0, 0.5, 0.0)):
        assert distance(moved(error), (length, slope)) <= 1e-12
    with pytest.raises(ValueError, match="max_gradient_norm is 0.0; it must be positive, or None"):
        Titans(max_gradient_norm=0.0)
    with pytest.raises(ValueError, match=r"give TitansRetention\(memory, momentum\)"):
        rule.write(state, UNIT_KEY, VALUE, jnp.ones(()), RATE)


def minimiser(energy, like):
    """Of a quadratic function of a tree, by its linear system."""
    flat, unravel = ravel_pytree(like)
    slope = jax.grad(lambda flat: energy(unravel(flat)))
    zero = jnp.zeros_like(flat)
    return unravel(jnp.linalg.solve(jax.jacfwd(slope)(zero), -slope(zero)))


RULES = {
    "hebbian": (Hebbian(), RETENTION),
    "delta": (Delta(), None),
    "gated_delta": (GatedDelta(), RETENTION),
    "proximal_delta": (ProximalDelta(), RETENTION),
    "proximal_delta_that_keeps_all": (ProximalDelta(), None),
}


@pytest.mark.parametrize(("rule", "retention"), RULES.values(), ids=RULES)
def test_a_write_is_the_minimiser_of_its_proximal_objective(rule, retention):
    pair = (STATE, LONG_KEY, VALUE, retention, RATE)
    run = jax.jit(lambda: (minimiser(rule.proximal_objective(*pair), STATE), rule.write(*pair)))
    assert distance(*run()) <= 1e-12


def test_a_write_of_titans_is_the_minimiser_of_its_proximal_objective():
    @jax.jit
    def run():
        rule, retention = Titans(), TitansRetention(RETENTION, jnp.asarray(0.4))
        memory = TwoLayerMemory.initialise(jax.random.key(0), KEY_SIZE, 3, VALUE_SIZE)
        state = rule.write(rule.initial_state(memory), LONG_KEY, VALUE, retention, RATE)
        pair = (state, UNIT_KEY, -VALUE, retention, RATE)
        return minimiser(rule.proximal_objective(*pair), memory), rule.write(*pair).memory

    assert distance(*run()) <= 1e-12


def test_the_delta_rule_minimises_the_linearised_loss_and_not_the_loss():
    """The minimiser of the loss itself is the write of the proximal delta rule, far from it."""
    pair = (STATE, LONG_KEY, VALUE, None, RATE)
    run = jax.jit(lambda: (minimiser(ProximalDelta().proximal_objective(*pair), STATE), Delta().write(*pair)))
    assert distance(*run()) > 0.1


def test_the_proximal_delta_rule_is_stable_where_the_delta_rule_is_not():
    state, writes, queries = sequence(30, gated=False)
    writes = Writes(10 * writes.keys, writes.values, jnp.full(30, 100.0))
    sizes = {}
    for rule in (Delta(), ProximalDelta()):
        memory = AssociativeMemory(rule, Recurrent(), key_length=KeyLength.AS_GIVEN)
        sizes[type(rule)] = float(jnp.max(jnp.abs(memory(state, writes, queries)[0])))
    assert sizes[Delta] > 1e50
    assert sizes[ProximalDelta] < 10
