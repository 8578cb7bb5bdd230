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
    writes = Writes(jnp.asarray(keys), jnp.asarray(values), jnp.ones(len(keys)))
    state = rule.initial_state(keys.shape[1], values.shape[1])
    return AssociativeMemory(rule, Recurrent())(state, writes, writes.keys)[0]


def test_the_delta_rule_recalls_the_last_pair_whatever_was_there():
    one = jnp.ones(())
    for rule, retention in ((Delta(), None), (GatedDelta(), None)):
        state = rule.write(STATE, UNIT_KEY, VALUE, retention, one)
        assert distance(rule.read(state, UNIT_KEY), VALUE) <= 1e-12


def test_orthonormal_keys_are_recalled_exactly_up_to_as_many_as_a_key_is_long():
    keys = np.linalg.qr(RNG.normal(size=(KEY_SIZE, KEY_SIZE)))[0]
    values = RNG.normal(size=(KEY_SIZE, VALUE_SIZE))
    for number in (1, KEY_SIZE):
        hebbian, delta = (stored(rule, keys[:number], values[:number]) for rule in (Hebbian(), Delta()))
        assert distance(hebbian, delta) <= 1e-12
        assert distance(keys[:number] @ delta.T, values[:number]) <= 1e-12


def test_of_a_key_with_two_values_delta_answers_the_last_and_hebb_the_sum():
    keys, values = np.stack([UNIT_KEY] * 2), RNG.normal(size=(2, VALUE_SIZE))
    assert distance(stored(Delta(), keys, values) @ UNIT_KEY, values[1]) <= 1e-12
    assert distance(stored(Hebbian(), keys, values) @ UNIT_KEY, values.sum(0)) <= 1e-12


@pytest.mark.parametrize("rate", [0.1, 0.7, 1.0])
def test_steps_down_the_dot_product_with_the_delta_factor_are_the_delta_rule(rate):
    """M (a I - b k k^T) - b g, with g the gradient of -<M k, v>, is a M - b g with g that of 1/2 |M k - v|^2."""
    slope = jax.grad(Hebbian().objective)(STATE, UNIT_KEY, VALUE)
    factor = RETENTION * jnp.eye(KEY_SIZE) - rate * jnp.outer(UNIT_KEY, UNIT_KEY)
    step = STATE @ factor - rate * slope
    assert distance(step, GatedDelta().write(STATE, UNIT_KEY, VALUE, RETENTION, jnp.asarray(rate))) <= 1e-12


def test_gated_deltanet_is_the_gated_delta_rule_with_other_numbers():
    """M <- a M (I - b k k^T) + b v k^T, as its authors write it."""
    erased = jnp.eye(KEY_SIZE) - RATE * jnp.outer(UNIT_KEY, UNIT_KEY)
    theirs = RETENTION * STATE @ erased + RATE * jnp.outer(VALUE, UNIT_KEY)
    ours = GatedDelta().write(STATE, UNIT_KEY, VALUE / RETENTION, RETENTION, RETENTION * RATE)
    assert distance(ours, theirs) <= 1e-12


def titans_answers(retentions, writes, queries, rule, matrix):
    writes = Writes(writes.keys, writes.values, writes.rates, retentions)
    state, answers = AssociativeMemory(rule)(rule.initial_state(MatrixMemory(matrix)), writes, queries)
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
    for error in (0.3, 4.0):
        state = rule.initial_state(MatrixMemory(STATE))
        value = STATE @ UNIT_KEY - error * unit(np.asarray(VALUE))
        moved = rule.write(state, UNIT_KEY, value, none, jnp.ones(())).memory.matrix - STATE
        assert float(jnp.linalg.norm(moved)) == pytest.approx(min(error, 0.5), rel=1e-12)
    known = jax.grad(lambda value: jnp.sum(rule.write(state, UNIT_KEY, value, none, RATE).memory.matrix))
    assert np.all(np.isfinite(known(STATE @ UNIT_KEY)))
    with pytest.raises(ValueError, match="max_gradient_norm is 0.0; it must be positive, or None"):
        Titans(max_gradient_norm=0.0)
    with pytest.raises(ValueError, match=r"give TitansRetention\(memory, momentum\)"):
        rule.write(state, UNIT_KEY, VALUE, jnp.ones(()), RATE)


def minimiser(energy, like):
    """Of a quadratic function of a tree, by its linear system."""
    flat, unravel = ravel_pytree(like)
    of_flat = lambda flat: energy(unravel(flat))  # noqa: E731
    zero = jnp.zeros_like(flat)
    return unravel(jnp.linalg.solve(jax.hessian(of_flat)(zero), -jax.grad(of_flat)(zero)))


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
    assert distance(minimiser(rule.proximal_objective(*pair), STATE), rule.write(*pair)) <= 1e-12


def test_a_write_of_titans_is_the_minimiser_of_its_proximal_objective():
    memory = TwoLayerMemory.initialise(jax.random.key(0), KEY_SIZE, 3, VALUE_SIZE)
    retention = TitansRetention(RETENTION, jnp.asarray(0.4))
    rule = Titans()
    state = rule.write(rule.initial_state(memory), LONG_KEY, VALUE, retention, RATE)
    pair = (state, UNIT_KEY, -VALUE, retention, RATE)
    assert distance(minimiser(rule.proximal_objective(*pair), memory), rule.write(*pair).memory) <= 1e-12


def test_the_delta_rule_minimises_the_linearised_loss_and_not_the_loss():
    """That of the loss itself is the proximal delta rule, and far from it."""
    implicit = minimiser(ProximalDelta().proximal_objective(STATE, LONG_KEY, VALUE, None, RATE), STATE)
    assert distance(implicit, Delta().write(STATE, LONG_KEY, VALUE, None, RATE)) > 0.1


def test_the_proximal_delta_rule_is_stable_where_the_delta_rule_is_not():
    state, writes, queries = sequence(30, gated=False)
    writes = Writes(10 * writes.keys, writes.values, jnp.full(30, 100.0))
    sizes = {}
    for rule in (Delta(), ProximalDelta()):
        memory = AssociativeMemory(rule, Recurrent(), key_length=KeyLength.AS_GIVEN)
        sizes[type(rule)] = float(jnp.max(jnp.abs(memory(state, writes, queries)[0])))
    assert sizes[Delta] > 1e50
    assert sizes[ProximalDelta] < 10
