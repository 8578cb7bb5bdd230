"""The inner loop and its derivatives against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.continual import (
    CommonRate,
    FirstOrder,
    InnerLoop,
    LearnedRates,
    ModelAgnosticMetaLearning,
    RatedNetwork,
    SecondOrder,
    TeacherProblem,
    adapted,
    adapted_losses,
    every_parameter,
    only_gates,
)
from ntadyn.networks import GatedLinear
from ntadyn.tasks.inputs import InputCovariance
from tests.continual.meta_learning import (
    FIRST,
    RATE,
    gram_of,
    largest_gap,
    meta,
    outer,
    plain_network,
)
from tests.systems import covariance, general_network, general_tasks


@pytest.fixture(scope="module")
def found():
    """Gradients and losses after one step or a few, and what they must be, in one program."""
    problem, network, sigma = TeacherProblem(general_tasks(3)), general_network(paths=3), covariance(3)
    return jax.jit(_with_everything)(problem, sigma, network) | jax.jit(_with_gates)(problem, network)


def _with_everything(problem, sigma, network):
    weights = network.weights[0]
    plain, error = plain_network(weights), weights - jnp.mean(problem.tasks.teachers, axis=0)
    correlated = TeacherProblem(problem.tasks, InputCovariance.from_matrix(sigma))
    second, first = (meta(order, adapts=every_parameter) for order in (SecondOrder(), FirstOrder()))
    shrunk = jnp.eye(3) - RATE * sigma
    return {
        "a1": (outer(second, problem, plain)[1].weight, (1 - RATE) ** 2 * error),
        "a2, second order": (outer(second, correlated, plain)[1].weight, error @ shrunk @ sigma @ shrunk),
        "a2, first order": (outer(first, correlated, plain)[1].weight, error @ shrunk @ sigma),
    }


def _with_gates(problem, network):
    value, gradient = outer(meta(), problem, network)
    rated = RatedNetwork.starting_at(RATE, network, only_gates)
    value_rated, gradient_rated = outer(ModelAgnosticMetaLearning(InnerLoop(1, LearnedRates())), problem, rated)

    def moved_value(step, log_rate):
        moved = jax.tree.map(lambda leaf, way: leaf + step * way, network, along(network))
        return outer_value(meta(rate=RATE * jnp.exp(log_rate)), problem, moved)

    steps = DIFFERENCE * jnp.asarray([[1, 0], [-1, 0], [0, 1], [0, -1.0]])
    above, below, above_rate, below_rate = jax.lax.map(lambda pair: moved_value(*pair), steps)
    momentum = InnerLoop(3, CommonRate(0.1), rule=optax.trace(0.9))
    return {
        "a3": (gradient, one_step_of_gates(problem.tasks.teachers, network)),
        "a3, difference": ((above - below) / (2 * DIFFERENCE), directional(gradient, network)),
        "rated": ((value_rated, gradient_rated.network), (value, gradient)),
        "rate": (gradient_rated.log_rates.gates, (above_rate - below_rate) / (2 * DIFFERENCE)),
        "momentum": (adapted(problem, network, jnp.asarray(FIRST), momentum), three_steps(problem, network)),
        "no steps": (adapted_losses(problem, network, InnerLoop(0)), problem.losses(network)),
    }


DIFFERENCE = 1e-5


def along(network):
    """A direction in the space of networks."""
    return jax.tree.map(lambda leaf: jnp.cos(jnp.arange(leaf.size, dtype=leaf.dtype)).reshape(leaf.shape), network)


def outer_value(strategy, problem, network):
    memory = strategy.begin(problem, network)[1]
    return strategy.objective(problem, network, memory, problem.population(jnp.asarray(FIRST)))


def directional(gradient, network):
    pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(along(network)), strict=True)
    return sum(jnp.sum(a * b) for a, b in pairs)


def one_step_of_gates(teachers, network):
    """The outer gradient by hand: c' = c - a (G c - b), u_p = <W^p, r>, r and r_0 the errors after and before."""
    weights, gates = network.weights, network.gates
    gram = gram_of(weights)

    def of_teacher(teacher):
        moved = gates - RATE * (gram @ gates - jnp.einsum("poi,oi->p", weights, teacher))
        before, after = (jnp.einsum("p,poi->oi", c, weights) - teacher for c in (gates, moved))
        u = jnp.einsum("poi,oi->p", weights, after)
        through = u[:, None, None] * before[None] + gates[:, None, None] * jnp.einsum("q,qoi->oi", u, weights)[None]
        return GatedLinear(u - RATE * gram @ u, moved[:, None, None] * after[None] - RATE * through)

    return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), jax.vmap(of_teacher)(teachers))


def three_steps(problem, network):
    batch = problem.population(jnp.asarray(FIRST))
    gradient = jax.grad(lambda c: problem.loss(GatedLinear(c, network.weights), batch))
    gates, velocity = network.gates, jnp.zeros(3)
    for _ in range(3):
        velocity = gradient(gates) + 0.9 * velocity
        gates = gates - 0.1 * velocity
    return GatedLinear(gates, network.weights)


@pytest.mark.parametrize("name", ["a1", "a2, second order", "a2, first order", "a3"])
def test_outer_gradients_in_closed_form(found, name):
    assert largest_gap(*found[name]) <= 1e-12


def test_a3_gradient_is_the_central_difference(found):
    np.testing.assert_allclose(*found["a3, difference"], rtol=1e-7)


def test_rates_can_be_learned(found):
    assert largest_gap(*found["rated"]) < 1e-14
    np.testing.assert_allclose(*found["rate"], rtol=1e-7)


@pytest.mark.parametrize("name", ["momentum", "no steps"])
def test_inner_steps_are_those_of_the_rule(found, name):
    assert largest_gap(*found[name]) < 1e-14
