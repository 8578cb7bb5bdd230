"""Inner loops that converge and gates that are fast: where kinds of meta-learning are one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ntadyn.continual import (
    ContinualFlow,
    FineTuning,
    FirstOrder,
    Implicit,
    SecondOrder,
    TeacherProblem,
    every_parameter,
    only_gates,
)
from ntadyn.networks import GatedLinear
from tests.continual.meta_learning import (
    FIRST,
    LOWEST,
    gram_of,
    largest_gap,
    meta,
    outer,
    spread_gram,
)
from tests.systems import general_tasks


@pytest.mark.slow
def test_a6_first_order_is_second_order_as_gates_converge():
    problem, rate, numbers = TeacherProblem(general_tasks(3)), 0.5, (1, 5, 20, 40, 60)

    @jax.jit
    def gap_at(network):
        def gap(steps):
            second, first = (
                outer(meta(order, steps, rate), problem, network)[1].weights for order in (SecondOrder(), FirstOrder())
            )
            return jnp.max(jnp.abs(second - first)) / jnp.max(jnp.abs(second))

        return [gap(steps) for steps in numbers]

    gaps = dict(zip(numbers, map(float, gap_at(spread_gram())), strict=True))
    assert gaps[1] > 0.1
    # What is left of the inner gradient shrinks by 1 - a times the lowest eigenvalue, and the gap with it.
    np.testing.assert_allclose((gaps[40] / gaps[20]) ** (1 / 20), 1 - rate * LOWEST, rtol=0.01)
    assert gaps[60] <= 1e-10
    assert gaps[1] > gaps[5] > gaps[20] > gaps[40] > gaps[60]


@pytest.mark.slow
@pytest.mark.parametrize("adapts", [only_gates, every_parameter])
def test_a8_implicit_is_unrolled_at_the_minimum(adapts):
    problem = TeacherProblem(general_tasks(3))

    @jax.jit
    def both(network):
        strategies = (meta(order, 100, 0.25, adapts=adapts, pull=2.0) for order in (SecondOrder(), Implicit()))
        return [outer(strategy, problem, network) for strategy in strategies]

    unrolled, implicit = both(spread_gram())
    np.testing.assert_allclose(implicit[0], unrolled[0], rtol=1e-14)
    assert largest_gap(implicit[1], unrolled[1]) <= 1e-8
    assert np.max(np.abs(unrolled[1].gates)) > 1e-3


@pytest.mark.slow
def test_a7_fast_gates_follow_the_slow_manifold():
    """Both levels at tau_c -> 0: the weights descend the loss at the gates c*(W) that are best for them."""
    problem, network = TeacherProblem(general_tasks(3)), spread_gram()
    task, tau = jnp.asarray(FIRST), jnp.asarray([0.02, 0.01, 0.005])
    teacher = problem.tasks.teachers[0]

    def best_gates(weights):
        return jnp.linalg.solve(gram_of(weights), jnp.einsum("poi,oi->p", weights, teacher))

    def slow(weights):
        gates = best_gates(weights)
        return -gates[:, None, None] * (jnp.einsum("p,poi->oi", gates, weights) - teacher)[None]

    def fast(state, tau):
        flow = ContinualFlow(problem, FineTuning(), {"gates": tau, "weights": jnp.asarray(1.0)})
        return flow.vector_field(0.0, state, task)

    def followed(field, start, number=1000):
        step = 1 / number

        def runge_kutta(x, _):
            add = lambda x, k, h: jax.tree.map(lambda a, b: a + h * b, x, k)  # noqa: E731
            k1 = field(x)
            k2 = field(add(x, k1, step / 2))
            k3 = field(add(x, k2, step / 2))
            k4 = field(add(x, k3, step))
            total = jax.tree.map(lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, k1, k2, k3, k4)
            return add(x, total, step), None

        return lax.scan(runge_kutta, start, length=number)[0]

    @jax.jit
    def distances():
        weights = network.weights
        limit = followed(slow, weights)
        start = ContinualFlow(problem, FineTuning(), jnp.ones(())).initial_state(
            GatedLinear(best_gates(weights), weights)
        )
        ends = jax.vmap(lambda tau: followed(lambda state: fast(state, tau), start))(tau)
        return jnp.sqrt(jnp.sum((ends.network.weights - limit[None]) ** 2, axis=(1, 2, 3))), limit

    distance, limit = distances()
    assert float(jnp.max(jnp.abs(limit - network.weights))) > 0.01
    order = np.log2(distance[:-1] / distance[1:])
    assert order[-1] > 0.9
    assert order[-1] > order[0]
