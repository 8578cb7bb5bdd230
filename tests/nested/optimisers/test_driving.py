"""Every rule drives the systems of this package and training loops of others."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.dynamics import GradientFlow, OnlineSGD
from ntadyn.nested.optimisers import (
    DeepMomentum,
    MultiScaleMomentum,
    RootMeanSquare,
    delta_momentum,
    descending,
    momentum,
    momentum_with_read_out,
)
from ntadyn.simulation import simulate
from tests.systems import TIME_CONSTANTS, general_network, general_tasks, two_blocks

KEY = jax.random.key(0)
RULES: dict[str, Any] = {
    "momentum": momentum(0.1),
    "momentum over size": momentum(0.02, 0.9, RootMeanSquare()),
    "delta momentum": delta_momentum(0.3),
    "Muon": momentum_with_read_out(0.05),
    "two momenta": MultiScaleMomentum(0.01, chunk=4, preconditions=False).transformation(),
    "deep momentum": DeepMomentum(0.1, KEY, keeps_size=True).transformation(),
}
# The rule with the most in its state for every run, the others where there is time.
ALL = [name if name == "deep momentum" else pytest.param(name, marks=pytest.mark.slow) for name in RULES]
TASK = jnp.array([1.0, 0.0])


def online(rule: optax.GradientTransformation, batch_size: int = 50) -> OnlineSGD:
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS)
    return OnlineSGD(flow, jax.random.key(5), batch_size=batch_size, rule=rule)  # pyright: ignore[reportCallIssue]


def after(system: OnlineSGD, number: int, step: float) -> Any:
    """The state after some updates."""

    @jax.jit
    def run(state):
        return jax.lax.fori_loop(0, number, lambda _, state: system.update(state, TASK, jnp.asarray(step)), state)

    return run(system.initial_state(general_network()))


def test_momentum_of_either_origin_drives_a_system_alike():
    """The step over tau is the learning rate outside of a rule whose own rate is one."""
    ours = after(online(descending(momentum(1.0, 0.9))), 20, 0.01).network
    theirs = after(online(optax.trace(0.9)), 20, 0.01).network
    np.testing.assert_allclose(ours.weights, theirs.weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.gates, theirs.gates, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_every_rule_descends_on_batches(name):
    system = online(descending(RULES[name]))
    start = system.loss(system.initial_state(general_network()), TASK)
    assert float(system.loss(after(system, 300, 0.3), TASK)) < 0.05 * float(start)


def test_a_rule_whose_memory_is_a_network_runs_through_a_curriculum():
    system = online(descending(RULES["deep momentum"]))
    run = simulate(system, two_blocks(), system.initial_state(general_network()))
    assert run.values["loss"][-1] < run.values["loss"][0]


@pytest.mark.parametrize("rule", [DeepMomentum(0.1, KEY), MultiScaleMomentum(jnp.asarray(0.1))])
def test_a_rule_that_holds_arrays_can_be_a_static_field(rule):
    assert isinstance(hash(rule.transformation()), int)


def perceptron(params: dict[str, Any], inputs: jax.Array) -> jax.Array:
    """Any network of a user: matrices, a vector and a number."""
    hidden = jnp.tanh(inputs @ params["first"].T + params["shift"][None])
    return hidden @ params["second"].T * params["scale"]


@pytest.mark.representatives(2)
@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_every_rule_drives_a_loop_in_single_precision_alone_and_in_a_batch_of_seeds(name):
    inputs = jax.random.normal(KEY, (32, 3), jnp.float32)
    target = jnp.sin(inputs @ jnp.ones((3, 2), jnp.float32))
    rule = optax.chain(optax.clip_by_global_norm(10.0), RULES[name])

    def loss(params):
        return 0.5 * jnp.mean(jnp.sum((perceptron(params, inputs) - target) ** 2, axis=1))

    def train(params):
        def step(carry, _):
            params, state = carry
            update, state = rule.update(jax.grad(loss)(params), state, params)
            return (optax.apply_updates(params, update), state), None

        return jax.lax.scan(step, (params, rule.init(params)), length=40)[0][0]

    def start(key):
        shapes = {"first": (8, 3), "shift": (8,), "second": (2, 8), "scale": ()}
        return {name: 0.5 * jax.random.normal(key, shape, jnp.float32) for name, shape in shapes.items()}

    starts = jax.vmap(start)(jax.random.split(KEY, 2))
    first = jax.tree.map(lambda leaf: leaf[0], starts)
    together, alone = jax.jit(lambda: (jax.vmap(train)(starts), train(first)))()
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one[0], other, rtol=1e-3, atol=1e-4), together, alone)
    assert {leaf.dtype for leaf in jax.tree.leaves(alone)} == {jnp.dtype(jnp.float32)}
    assert float(loss(alone)) < 0.5 * float(loss(first))


@pytest.mark.parametrize("name", RULES)
def test_what_a_rule_is_not_given_it_does_not_need(name):
    """Trees without arrays, as a partition hands them to rules for other parameters."""
    rule = RULES[name]
    update, state = rule.update({"theirs": None}, rule.init({"theirs": None}))
    assert update == {"theirs": None}
    assert jax.tree.structure(state) == jax.tree.structure(rule.init({"theirs": None}))
