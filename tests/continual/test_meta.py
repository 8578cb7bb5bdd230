"""The inner loop and its derivatives against closed forms, and what meta-learning finds on gated linear networks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from ntadyn.continual import (
    CommonRate,
    ContinualDescent,
    ContinualFlow,
    DrawnEpisodes,
    FineTuning,
    FirstOrder,
    FollowTheMetaLeader,
    GatedContinualFlow,
    Implicit,
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
from ntadyn.continual.meta import MetaMemory
from ntadyn.dynamics import GradientFlow
from ntadyn.dynamics.gradient_flow import InputCovariance
from ntadyn.networks import GatedLinear
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import Scale, orthogonal
from ntadyn.testing import check_system
from tests.systems import covariance, general_network, general_tasks

RATE = 0.3
TEACHERS = orthogonal(jax.random.key(3), 3, 2, 6, scale=Scale.UNIT)
FIRST = np.eye(3)[0]


def plain_network(weights):
    """y = W x, without gates."""
    network = eqx.nn.Linear(3, 2, use_bias=False, key=jax.random.key(0))
    return eqx.tree_at(lambda layer: layer.weight, network, weights)


def meta(order=None, steps=1, rate=RATE, **inner):
    order = SecondOrder() if order is None else order
    return ModelAgnosticMetaLearning(InnerLoop(steps, CommonRate(rate), order=order, **inner))


def outer(strategy, problem, network):
    """The outer objective and its gradient, with the first task in force."""
    memory = strategy.begin(problem, network)[1]
    batch = problem.population(jnp.asarray(FIRST))
    return eqx.filter_value_and_grad(lambda network: strategy.objective(problem, network, memory, batch))(network)


def gram_of(weights):
    return jnp.einsum("...poi,...qoi->...pq", weights, weights)


def largest_gap(one, other):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(np.max(np.abs(a - b))) for a, b in leaves)


@pytest.fixture(scope="module")
def found():
    """Gradients and losses after one step or a few, and what they must be, in one program."""
    problem, network, sigma = TeacherProblem(general_tasks(3)), general_network(paths=3), covariance(3)
    return jax.jit(_with_everything)(problem, sigma, network) | jax.jit(_with_gates)(problem, network)


def _with_everything(problem, sigma, network):
    weights = network.weights[0]
    plain, error = plain_network(weights), weights - jnp.mean(problem.tasks.teachers, axis=0)
    correlated = TeacherProblem(problem.tasks, InputCovariance(sigma))
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


# ---- A4, A5: what is learned


def principal_cosines(weights, teachers):
    """Cosines of the angles between the span of the paths and that of the teachers, descending."""
    bases = [np.linalg.qr(np.reshape(stack, (len(stack), -1)).T)[0] for stack in (weights, teachers)]
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)


def test_a4_one_step_solves_where_a_times_gram_is_one():
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    # Teachers have the squared norm 2, so that this Gram matrix is 1/a.
    weights = np.einsum("pm,moi->poi", turn, TEACHERS.teachers) / np.sqrt(2 * RATE)
    np.testing.assert_allclose(RATE * np.einsum("poi,qoi->pq", weights, weights), np.eye(3), atol=1e-14)
    starts = 5 * np.random.default_rng(5).normal(size=(4, 3))
    problem, inner = TeacherProblem(TEACHERS), InnerLoop(1, CommonRate(RATE))

    @jax.jit
    @jax.vmap
    def losses(gates):
        network = GatedLinear(gates, jnp.asarray(weights))
        return adapted_losses(problem, network, inner), problem.losses(network)

    after, before = losses(starts)
    assert np.max(after) <= 1e-28
    assert np.min(before) > 0.1


@pytest.fixture(scope="module")
def learned():
    """W after long descent of the outer loss, with gates that start at zero, frozen; two initial weights."""
    taus = {"gates": jnp.asarray(jnp.inf), "weights": jnp.ones(())}
    system = ContinualDescent(ContinualFlow(TeacherProblem(TEACHERS), meta(), taus), jax.random.key(0))

    @jax.jit
    @jax.vmap
    def run(key):
        state = system.initial_state(GatedLinear.initialise(key, (3, 2, 6), 0.3, 0.0))
        step = lambda state, _: (system.update(state, jnp.asarray(FIRST), jnp.asarray(0.2)), None)  # noqa: E731
        return lax.scan(step, state, length=1500)[0].network

    return run(jax.random.split(jax.random.key(8), 2))


@pytest.mark.slow
def test_a4_learning_finds_one_step_solvability_and_the_subspace(learned):
    assert not np.any(learned.gates)
    np.testing.assert_allclose(RATE * gram_of(learned.weights), np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-8)
    for weights in learned.weights:
        assert principal_cosines(weights, TEACHERS.teachers)[-1] > 1 - 1e-8


@pytest.mark.slow
def test_a5_paths_are_a_rotation_of_the_teachers(learned):
    flat = np.reshape(TEACHERS.teachers, (3, -1)) / np.sqrt(2.0)
    for weights in learned.weights:
        turn = np.reshape(weights, (3, -1)) * np.sqrt(RATE) @ flat.T
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-7)
        assert np.min(np.max(np.abs(turn), axis=1)) < 0.95
    assert largest_gap(*learned.weights) > 0.1


# ---- A6, A8: orders agree at the end of the inner loop

LOWEST = 0.8


def spread_gram():
    """Paths with a Gram matrix whose eigenvalues .8, 1, 1.25 let gates converge fast."""
    frame = jnp.linalg.qr(jax.random.normal(jax.random.key(2), (6, 3)))[0].T
    turn = jnp.linalg.qr(jax.random.normal(jax.random.key(6), (3, 3)))[0]
    weights = (turn * jnp.sqrt(jnp.asarray([[LOWEST, 1.0, 1.25]]))) @ frame
    return GatedLinear(jnp.asarray([0.4, 0.5, 0.6]), weights.reshape(3, 2, 3))


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


# ---- A7: the limit of fast gates


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


# ---- the strategies and their parts


TAUS = {"gates": jnp.asarray(0.5), "weights": jnp.ones(())}
CURRICULUM = alternating(2, 3, jnp.asarray(0.1))


@pytest.mark.slow
def test_the_flow_of_the_meta_leader_keeps_the_promises_of_systems():
    inner = InnerLoop(1, CommonRate(RATE), order=FirstOrder())
    flow = ContinualFlow(TeacherProblem(general_tasks(2)), FollowTheMetaLeader(inner), TAUS)
    assert "a short run ends well" in check_system(flow, general_network(), CURRICULUM)


@pytest.mark.slow
def test_descent_on_drawn_episodes_keeps_the_promises_of_systems():
    strategy = ModelAgnosticMetaLearning(InnerLoop(2, CommonRate(RATE)), DrawnEpisodes(4, 4))
    flow = ContinualFlow(TeacherProblem(general_tasks(2)), strategy, TAUS)
    descent = ContinualDescent(flow, jax.random.key(0), rule=optax.scale_by_adam())
    with jax.numpy_dtype_promotion("standard"):  # Adam raises a decay to a whole number of steps
        assert "a short run ends well" in check_system(descent, general_network(), CURRICULUM)


def test_the_meta_leader_is_followed():
    """The meta-batch holds the task in force and those whose blocks have ended."""
    strategy = FollowTheMetaLeader(InnerLoop(1, CommonRate(RATE)))

    @jax.jit
    def followed(problem, network):
        _, fresh = strategy.begin(problem, network)
        batches = [problem.population(task) for task in jnp.eye(3)]
        _, later = strategy.at_end(problem, network, fresh, batches[1])
        weights = [
            strategy.meta_batch(*pair) for pair in ((fresh, batches[1]), (later, batches[2]), (later, batches[1]))
        ]
        value = strategy.objective(problem, network, later, batches[2])
        return weights, value, adapted_losses(problem, network, strategy.inner)

    weights, value, losses = followed(TeacherProblem(general_tasks(3)), general_network(paths=3))
    np.testing.assert_array_equal(weights, [[0, 1, 0], [0, 0.5, 0.5], [0, 1, 0]])
    np.testing.assert_allclose(value, (losses[1] + losses[2]) / 2, rtol=1e-13)


def test_episodes_are_drawn_anew_at_every_step():
    strategy = ModelAgnosticMetaLearning(InnerLoop(1, CommonRate(RATE)), DrawnEpisodes(500, 700))

    @jax.jit
    def drawn(problem, network):
        _, memory = strategy.begin(problem, network)
        batch = problem.population(jnp.asarray(FIRST))
        other = strategy.after_step(problem, network, memory, batch, jax.random.key(9))[1]
        keys = jnp.stack([memory.key, memory.key, other.key])
        values = lax.map(lambda key: strategy.objective(problem, network, MetaMemory(memory.met, key), batch), keys)
        whole = meta().objective(problem, network, memory, batch)
        return strategy.episodes.of_task(problem, memory.key, jnp.asarray(FIRST)), values, whole

    (support, query), values, whole = drawn(TeacherProblem(general_tasks(3)), general_network(paths=3))
    assert (support.inputs.shape, query.inputs.shape) == ((500, 3), (700, 3))
    assert not np.isin(support.inputs, query.inputs).any()
    assert values[0] == values[1] != values[2]
    np.testing.assert_allclose(values, whole, rtol=0.2)


def test_what_is_refused():
    problem, network = TeacherProblem(general_tasks(3)), general_network(paths=3)
    plain, batch = plain_network(jnp.ones((2, 3))), problem.population(jnp.asarray(FIRST))
    with pytest.raises(ValueError, match="no gates to adapt; pass InnerLoop"):
        InnerLoop().adapted(problem, plain, batch)
    with pytest.raises(ValueError, match="nothing of a Linear adapts"):
        InnerLoop(adapts=lambda tree: jax.tree.map(lambda _: False, tree)).adapted(problem, plain, batch)
    with pytest.raises(ValueError, match="no rates to learn; start from RatedNetwork"):
        InnerLoop(rates=LearnedRates()).adapted(problem, network, batch)
    with pytest.raises(ValueError, match="-1 steps; allowed are 0"):
        InnerLoop(-1)
    with pytest.raises(ValueError, match="rate of an inner loop is -0.1"):
        CommonRate(-0.1)
    with pytest.raises(ValueError, match="pull of an inner loop is -1"):
        InnerLoop(pull=-1.0)
    with pytest.raises(ValueError, match="0 examples of support"):
        DrawnEpisodes(0, 3)
    with pytest.raises(ValueError, match="no closed form on gated linear networks"):
        GatedContinualFlow(GradientFlow(problem.tasks, {"gates": 1.0, "weights": 1.0}), FollowTheMetaLeader())
