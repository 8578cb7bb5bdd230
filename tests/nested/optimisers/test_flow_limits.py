"""In small steps, momentum and its kin follow differential equations: at half the step the distance is half.

Learning rates, retentions and forgetting scale with the step h as the name of every case says; Muon, signs and
multi-scale momentum have no such limit with a smooth right-hand side.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import sqrtm

from ntadyn.continual import TeacherProblem
from ntadyn.nested import MomentumFlow
from ntadyn.nested.optimisers import (
    DeepMomentum,
    DotProduct,
    LeftMatrix,
    RootMeanSquare,
    Unchanged,
    delta_descent,
    delta_momentum,
    momentum,
)
from ntadyn.simulation import Adaptive, simulate
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import sequence
from ntadyn.tasks.inputs import InputCovariance
from tests.nested.optimisers.runs import gradients

DAMPING, FORGETTING, TIME = 1.5, 2.0, 2.0
SHAPE = (2, 3)
TARGET, START = np.asarray(gradients(2, SHAPE, 1))
CURVATURE = np.array([[1.0, 0.3, 0.0], [0.3, 0.7, 0.1], [0.0, 0.1, 0.5]])
OF_OUTPUTS = np.array([[1.0, 0.4], [0.4, 0.6]])
ROOT = np.real(sqrtm(OF_OUTPUTS))
LEFT = np.array([[2.0, 0.5], [0.5, 1.0]])
KEY = jax.random.key(0)


def slope(weights: Any) -> Any:
    """Of 1/2 tr G (W - W*) H (W - W*)^T; without G, rotations of outputs would hide which side forgetting acts on."""
    return OF_OUTPUTS @ (weights - TARGET) @ CURVATURE


class Case(NamedTuple):
    """A rule in small steps, and what it follows.

    Attributes:
        rule: h -> transformation.
        field: (W, memory) -> their derivatives by time, in numpy.
        memory: the memory at the start.
    """

    rule: Callable[[Any], optax.GradientTransformation]
    field: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    memory: np.ndarray


def plain(weights, m):
    """W' = m, m' = -gamma m - g."""
    return m, -DAMPING * m - slope(weights)


def through_matrix(weights, m):
    """m' = -gamma m - P g."""
    return m, -DAMPING * m - LEFT @ slope(weights)


def over_size(weights, memory):
    """m' = -gamma m - g / sqrt(v + epsilon), v' = g^2 - v."""
    m, v = memory
    g = slope(weights)
    return m, np.stack([-DAMPING * m - g / np.sqrt(v + 0.1), g**2 - v])


def along_keys(weights, m):
    """m' = -gamma m - kappa m h^T h - g, h = g / |g|."""
    g = slope(weights)
    h = g / np.linalg.norm(g)
    return m, -DAMPING * m - FORGETTING * m @ h.T @ h - g


def along_gradients(weights, m):
    """m' = -gamma m - kappa m g^T g - g."""
    g = slope(weights)
    return m, -DAMPING * m - FORGETTING * m @ g.T @ g - g


def deep(step: Any) -> Any:
    return DeepMomentum(
        step, KEY, DotProduct(), Unchanged(), step, 1 - DAMPING * step, activation=lambda x: x, learns_first=False
    ).transformation()


@functools.cache
def first_layer():
    return np.asarray(deep(0.1).init(jnp.asarray(START)).memories.first)


def through_network(weights, second):
    """W' = u A^T B^T, B' = -gamma B - u^T u A^T / o, u = sqrt(o) g / |g|."""
    g = slope(weights)
    rows = np.sqrt(SHAPE[0]) * g / np.linalg.norm(g)
    hidden = rows @ first_layer().T
    return hidden @ second.T, -DAMPING * second - rows.T @ hidden / SHAPE[0]


def kept(step):
    return 1 - DAMPING * step


CASES = {
    "momentum: h^2, 1 - gamma h": Case(lambda h: momentum(h**2, kept(h)), plain, np.zeros(SHAPE)),
    "left matrix: the same": Case(
        lambda h: momentum(h**2, kept(h), LeftMatrix(jnp.asarray(LEFT))), through_matrix, np.zeros(SHAPE)
    ),
    "over size: the same, 1 - h": Case(
        lambda h: momentum(h**2, kept(h), RootMeanSquare(1 - h, 0.1)), over_size, np.zeros((2, *SHAPE))
    ),
    "delta: the same, kappa h": Case(
        lambda h: delta_momentum(h**2, kept(h), FORGETTING * h), along_keys, np.zeros(SHAPE)
    ),
    "delta, as printed: the same": Case(
        lambda h: delta_momentum(h**2, kept(h), FORGETTING * h, normalised=False), along_gradients, np.zeros(SHAPE)
    ),
    "deep: h, h, 1 - gamma h": Case(deep, through_network, np.zeros((3, 3))),
}


def flowed(field, weights, memory):
    """W after the time of the test, by Runge-Kutta of order eight."""

    def rate(t, flat):
        del t
        parts = field(flat[: weights.size].reshape(weights.shape), flat[weights.size :].reshape(memory.shape))
        return np.concatenate([part.ravel() for part in parts])

    flat = np.concatenate([weights.ravel(), memory.ravel()])
    return solve_ivp(rate, (0, TIME), flat, "DOP853", rtol=1e-11, atol=1e-12).y[: weights.size, -1].reshape(SHAPE)


def order(follow, exact):
    """The power of the step with which W comes to the flow, and its distance over the step."""
    steps = (2e-3, 1e-3)
    errors = [float(np.max(np.abs(follow(step, round(TIME / step)) - exact))) for step in steps]
    return np.log2(errors[0] / errors[1]), errors[1] / steps[1]


def following(make_rule):
    """W after some steps of a rule that depends on their length."""

    @jax.jit
    def follow(step, number):
        rule = make_rule(step)

        def one(_, carry):
            weights, state = carry
            update, state = rule.update(slope(weights), state, weights)
            return optax.apply_updates(weights, update), state

        start = jnp.asarray(START)
        return jax.lax.fori_loop(0, number, one, (start, rule.init(start)))[0]

    return follow


@pytest.mark.parametrize("name", CASES)
def test_rules_of_momentum_follow_their_flow(name):
    case = CASES[name]
    found, distance = order(following(case.rule), flowed(case.field, START, case.memory))
    assert found == pytest.approx(1, abs=0.06)
    assert 0.01 < distance < 3


class Seen(eqx.Module):
    """Y = G^(1/2) W x, whose loss on teachers seen alike has the slope above."""

    weights: jax.Array

    def __call__(self, x):
        return ROOT @ (self.weights @ x)


FLOWS = {"momentum: h^2, 1 - gamma h": 0.0, "delta: the same, kappa h": FORGETTING / DAMPING}


def library_flow(forgetting) -> Any:
    problem: Any = TeacherProblem(  # pyright: ignore[reportCallIssue]
        tasks=from_matrices(jnp.asarray(ROOT @ TARGET)[None]),
        input_covariance=InputCovariance.from_matrix(jnp.asarray(CURVATURE)),
    )
    options: dict[str, Any] = {"time_constant": DAMPING, "memory": 1 / DAMPING, "forgetting": forgetting}
    return MomentumFlow(problem=problem, **options)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("name", FLOWS)
def test_the_flow_of_the_library_is_what_rules_follow(name):
    """With tau = gamma and tau_m = 1 / gamma, W' = m / tau is the momentum of a rule over its step."""
    system, case = library_flow(FLOWS[name]), CASES[name]
    state = system.initial_state(Seen(jnp.asarray(START)))
    state = eqx.tree_at(lambda state: state.momentum.weights, state, DAMPING * gradients(1, SHAPE, 3)[0])
    found = system.vector_field(0.0, state, jnp.ones(1))
    expected = case.field(START, np.asarray(gradients(1, SHAPE, 3)[0]))
    np.testing.assert_allclose(found.network.weights, expected[0], rtol=1e-12)
    np.testing.assert_allclose(found.momentum.weights / DAMPING, expected[1], rtol=1e-12)


@pytest.mark.parametrize("name", FLOWS)
def test_optimisers_come_to_the_flow_of_the_library_in_proportion_to_their_step(name):
    system = library_flow(FLOWS[name])
    state = system.initial_state(Seen(jnp.asarray(START)))
    end = simulate(system, sequence([0], TIME, 1), state, method=Adaptive(rtol=1e-10, atol=1e-12)).final_state
    found, distance = order(following(CASES[name].rule), np.asarray(end.network.weights))
    assert found == pytest.approx(1, abs=0.06)
    assert 0.01 < distance < 3


@pytest.mark.parametrize("forgetting", [0.0, 1.0])
def test_delta_descent_follows_the_flow_of_its_ridge(forgetting):
    """W' = -(g x^T + delta W x x^T): down L + delta/2 E|W x|^2."""
    inputs = gradients(10, (3,), 4)
    second = np.asarray(inputs.T @ inputs) / 10

    def field(weights, nothing):
        return -(weights - TARGET) @ second - forgetting * weights @ second, nothing

    @jax.jit
    def follow(step, number):
        def one(_, weights):
            return delta_descent(weights, inputs, inputs @ (weights - TARGET).T, step, forgetting)

        return jax.lax.fori_loop(0, number, one, jnp.asarray(START))

    found, distance = order(follow, flowed(field, START, np.zeros(1)))
    assert found == pytest.approx(1, abs=0.06)
    assert 0.01 < distance < 3
