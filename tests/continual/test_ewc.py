"""Elastic weight consolidation against closed forms: what it reaches, how it gets there, and what it cannot reach."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import expm

from ntadyn.continual import (
    ContinualFlow,
    DataProblem,
    ElasticWeightConsolidation,
    EmpiricalFisher,
    FullElasticWeightConsolidation,
    GatedContinualFlow,
    SampledFisher,
    SquaredError,
    TeacherProblem,
)
from ntadyn.continual.groups import slow_part
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear, NeuronGatedLinear
from ntadyn.simulation import Adaptive, FixedSteps, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.tasks.examples import from_sets
from ntadyn.tasks.inputs import InputCovariance
from ntadyn.tasks.teachers import matched_rows_orthogonal
from ntadyn.testing import check_system
from tests.systems import KINKED, TIME_CONSTANTS, covariance, general_network, general_tasks, two_blocks

KINDS = {"diagonal": ElasticWeightConsolidation, "full": FullElasticWeightConsolidation}
# Frozen in double precision: a gate moves by less than it can hold.
FROZEN = 1e30
D_OUT, D_IN, SIZES = 2, 3, (20, 8)


@pytest.fixture(scope="module")
def regression():
    """Two noisy regressions with different inputs, of different sizes."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(number, D_IN)) @ rng.normal(size=(D_IN, D_IN)) / 2 for number in SIZES]
    targets = [
        x @ rng.normal(size=(D_IN, D_OUT)) + 0.3 * rng.normal(size=(number, D_OUT))
        for x, number in zip(inputs, SIZES, strict=True)
    ]
    examples = from_sets(inputs, targets)
    return DataProblem(examples, examples, SquaredError()), inputs, targets


def least_squares(inputs, targets):
    return np.linalg.lstsq(inputs, targets, rcond=None)[0].T


def linear(weight):
    network = eqx.nn.Linear(D_IN, D_OUT, use_bias=False, key=jax.random.key(0))
    return eqx.tree_at(lambda net: net.weight, network, jnp.asarray(weight))


def shares(task):
    return jax.nn.one_hot(task, 2, dtype=jnp.float64)


def anchored(problem, strategy, weight):
    """The memory after the end of a block of the first task, at given weights."""
    network, memory = strategy.begin(problem, linear(weight))
    return strategy.at_end(problem, network, memory, problem.population(shares(0)))[1]


@pytest.mark.representatives(1)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_merged_anchors_pull_like_all_of_them_kept_one_by_one(kind):
    problem, strategy = TeacherProblem(general_tasks()), kind(strength=0.7)

    @jax.jit
    def both():
        networks = [general_network(paths=2, seed=seed) for seed in range(4)]
        _, memory = strategy.begin(problem, networks[0])
        batch, anchors = problem.population(shares(0)), []
        for network in networks[1:]:
            fisher = strategy.measured(problem, network, batch, jax.random.key(0))
            anchors.append((fisher, ravel_pytree(slow_part(network))[0]))
            _, memory = strategy.at_end(problem, network, memory, batch)

        def one_by_one(network):
            flat = ravel_pytree(slow_part(network))[0]
            matrices = (f if kind is KINDS["full"] else jnp.diag(ravel_pytree(f)[0]) for f, _ in anchors)
            return 0.35 * sum((flat - w) @ f @ (flat - w) for f, (_, w) in zip(matrices, anchors, strict=True))

        merged = jax.grad(lambda network: strategy.added(problem, network, memory, batch))(networks[0])
        return merged, jax.grad(one_by_one)(networks[0])

    merged, separate = both()
    assert np.max(np.abs(merged.weights)) > 0.1
    np.testing.assert_allclose(merged.weights, separate.weights, rtol=0, atol=1e-14)
    assert np.all(merged.gates == 0)


def test_online_consolidation_holds_the_latest_weights_and_fades():
    problem, strategy = TeacherProblem(general_tasks()), ElasticWeightConsolidation(retention=0.5)
    one, other = (general_network(paths=2, seed=seed) for seed in (1, 2))

    @jax.jit
    def after():
        _, memory = strategy.begin(problem, one)
        for network in (one, other):
            _, memory = strategy.at_end(problem, network, memory, problem.population(shares(0)))
        return memory

    memory = after()
    precision = (0.5 * one.gates**2 + other.gates**2)[:, None, None] * np.ones((2, 2, 3))
    np.testing.assert_allclose(memory.precision.weights, precision, rtol=1e-13)
    np.testing.assert_allclose(memory.drive.weights, precision * np.asarray(other.weights), rtol=1e-13)


def test_full_fisher_on_linear_regression_is_joint_least_squares(regression):
    problem, inputs, targets = regression
    strategy = FullElasticWeightConsolidation(strength=SIZES[0] / SIZES[1])

    @jax.jit
    def minimum(weight):
        memory, batch = anchored(problem, strategy, weight), problem.population(shares(1))
        objective = lambda w: strategy.objective(problem, linear(w.reshape(D_OUT, D_IN)), memory, batch)  # noqa: E731
        zero = jnp.zeros(D_OUT * D_IN)
        return -jnp.linalg.solve(jax.hessian(objective)(zero), jax.grad(objective)(zero)).reshape(D_OUT, D_IN)

    found = minimum(least_squares(inputs[0], targets[0]))
    joint = least_squares(np.concatenate(inputs), np.concatenate(targets))
    np.testing.assert_allclose(found, joint, rtol=0, atol=1e-12)
    assert np.linalg.norm(joint - least_squares(inputs[1], targets[1])) > 0.1


@pytest.mark.slow
def test_diagonal_fisher_is_reached_along_the_known_path_and_is_not_the_joint_optimum(regression):
    problem, inputs, targets = regression
    strength, tau = 2.0, 0.4
    of_a, (x, y) = least_squares(inputs[0], targets[0]), (inputs[1], targets[1])
    strategy = ElasticWeightConsolidation(strength=strength)
    flow = ContinualFlow(problem, strategy, jnp.asarray(tau))
    hessian, held = x.T @ x / SIZES[1], np.diag(np.mean(inputs[0] ** 2, axis=0))
    matrix = hessian + strength * held
    reached = np.linalg.solve(matrix, (y.T @ x / SIZES[1] + strength * of_a @ held).T).T

    @jax.jit
    def descended():
        memory = anchored(problem, strategy, of_a)
        start = eqx.tree_at(lambda state: state.memory, flow.initial_state(linear(of_a)), memory)

        def step(_, weight):
            state = eqx.tree_at(lambda state: state.network.weight, start, weight)
            return weight + 0.3 * tau * flow.vector_field(0.0, state, shares(1)).network.weight

        return jax.lax.fori_loop(0, 3000, step, start.network.weight)

    np.testing.assert_allclose(descended(), reached, rtol=0, atol=1e-12)
    # The optimum of A stays where it is, and is anchored at the end of its block.
    curriculum = sequence([0, 1], [0.1, 2.0], 2)
    kept = {"weight": lambda system, state, task: state.network.weight}
    run = simulate(
        flow, curriculum, flow.initial_state(linear(of_a)), method=Adaptive(), observables=kept, records_per_block=3
    )
    assert run.result == RESULTS.successful
    late = np.asarray(run.blocks) == 1
    times, weights = np.asarray(run.times)[late] - 0.1, np.asarray(run.values["weight"])[late]
    decays = jax.jit(jax.vmap(lambda t: expm(-jnp.asarray(matrix) * t / tau)))(jnp.asarray(times))
    expected = reached[None] + np.einsum("oi,nij->noj", of_a - reached, decays)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-8)
    joint = least_squares(np.concatenate(inputs), np.concatenate(targets))
    assert np.linalg.norm(reached - joint) / np.linalg.norm(joint) > 0.1


@pytest.fixture(scope="module")
def frontier():
    """Both losses at the end of task B, for one path and several strengths, and the distance of the teachers."""
    tasks = general_tasks(d_out=3, d_in=4)
    network = GatedLinear(jnp.ones(1), jnp.zeros((1, 3, 4)))
    flow = GradientFlow(tasks, {"gates": FROZEN, "weights": 1.3})
    # Blocks of 60 tau: what is left of the distance to a fixed point is less than rounding.
    curriculum, method = alternating(2, 2, 80.0), FixedSteps(max_step=80.0)

    def ended(strength):
        system = GatedContinualFlow(flow, ElasticWeightConsolidation(strength=strength))
        state = system.initial_state(network)
        run = simulate(system, curriculum, state, method=method, observables={})
        return system.problem.losses(run.final_state.network), run.final_state.network.gates, run.result

    strengths = np.asarray([0.01, 0.1, 1.0, 10.0, 100.0])
    losses, gates, results = jax.jit(jax.vmap(ended))(strengths)
    assert np.all(results == RESULTS.successful)
    np.testing.assert_array_equal(gates, 1.0)
    apart = np.linalg.norm(tasks.teachers[0] - tasks.teachers[1])
    return strengths, np.asarray(losses), apart


@pytest.mark.slow
def test_no_strength_leaves_the_frontier(frontier):
    strengths, losses, apart = frontier
    np.testing.assert_allclose(np.sum(np.sqrt(losses), axis=1), apart / np.sqrt(2), rtol=0, atol=1e-12)
    # Where on the line: the forgotten share is 1 / (1 + mu).
    share = np.sqrt(losses[:, 0]) / (apart / np.sqrt(2))
    np.testing.assert_allclose(share, 1 / (1 + strengths), rtol=1e-10)


def gated_flow(strategy, kind=GatedLinear, penalties=None, tasks=None):
    penalties = {"gates": KINKED} if penalties is None else penalties
    flow = GradientFlow(general_tasks() if tasks is None else tasks, TIME_CONSTANTS, penalties)
    return GatedContinualFlow(flow, strategy), general_network(kind, paths=2)


@pytest.mark.representatives(1)
@pytest.mark.parametrize(
    ("strategy", "kind"),
    [
        pytest.param(ElasticWeightConsolidation(), GatedLinear, marks=pytest.mark.slow),
        pytest.param(FullElasticWeightConsolidation(retention=0.9), NeuronGatedLinear, marks=pytest.mark.slow),
    ],
    ids=["diagonal", "full and online, gates per neuron"],
)
def test_systems_keep_their_promises(strategy, kind):
    check_system(*gated_flow(strategy, kind), two_blocks())


@pytest.mark.representatives(1)
@pytest.mark.parametrize(
    ("strategy", "kind"),
    [
        pytest.param(ElasticWeightConsolidation(strength=0.8), NeuronGatedLinear, marks=pytest.mark.slow),
        pytest.param(FullElasticWeightConsolidation(strength=0.8), GatedLinear, marks=pytest.mark.slow),
    ],
    ids=["diagonal, gates per neuron", "full"],
)
def test_closed_parts_follow_the_flow_that_is_differentiated(strategy, kind):
    system, network = gated_flow(strategy, kind, {})
    plain = system.general
    curriculum = alternating(2, 3, 0.6)
    final = lambda learner, method: simulate(  # noqa: E731
        learner, curriculum, learner.initial_state(network), method=method, observables={}
    )
    exact = final(plain, Adaptive(diffrax.Tsit5(), rtol=1e-9, atol=1e-11))
    split = final(system, None)
    assert exact.result == RESULTS.successful
    assert split.result == RESULTS.successful
    for name in ("gates", "weights"):
        a, b = (getattr(run.final_state.network, name) for run in (exact, split))
        np.testing.assert_allclose(b, a, rtol=0, atol=2e-5, err_msg=name)


def test_correlated_inputs_and_other_fishers_have_no_closed_form():
    tasks = general_tasks()
    with pytest.raises(ValueError, match="white inputs and ModelFisher.* only.*use ContinualFlow"):
        GatedContinualFlow(GradientFlow(tasks, TIME_CONSTANTS, {}, covariance()), ElasticWeightConsolidation())
    with pytest.raises(ValueError, match="ModelFisher"):
        GatedContinualFlow(GradientFlow(tasks, TIME_CONSTANTS), ElasticWeightConsolidation(fisher=SampledFisher()))


@pytest.mark.slow
def test_correlated_inputs_are_integrated():
    tasks, strategy = general_tasks(), ElasticWeightConsolidation()
    system = ContinualFlow(TeacherProblem(tasks, InputCovariance.from_matrix(covariance())), strategy, TIME_CONSTANTS)
    run = simulate(system, two_blocks(), system.initial_state(general_network(paths=2)), observables={})
    assert run.result == RESULTS.successful
    # Every input as tightly as it varies.
    network = run.final_state.network
    held = np.asarray(run.final_state.memory.precision.weights)
    seen = np.diagonal(covariance())
    np.testing.assert_allclose(held / held[:, :, :1], np.broadcast_to(seen / seen[0], (2, 2, 3)), rtol=1e-12)
    assert np.all(held[:, 0, 0] > np.asarray(network.gates) ** 2 * seen[0])  # two anchors


def test_a_path_that_was_shut_is_free():
    tasks = matched_rows_orthogonal(jax.random.key(0), 2, 2, 4)
    network = GatedLinear(jnp.asarray([1.0, 0.0]), jnp.stack([tasks.teachers[0], jnp.zeros((2, 4))]))
    system = GatedContinualFlow(GradientFlow(tasks, TIME_CONSTANTS), ElasticWeightConsolidation(strength=1e3))
    state = jax.jit(lambda: system.initial_state(network))()
    memory = jax.jit(lambda *given: system.strategy.at_end(system.problem, *given))(
        network, state.memory, system.problem.population(shares(0))
    )[1]
    assert memory.precision.weights.shape == network.weights.shape
    np.testing.assert_array_equal(memory.precision.weights[1], 0.0)
    np.testing.assert_allclose(memory.precision.weights[0], 1.0, rtol=1e-13)
    # Opened, it learns the other task as if there were no anchor, while the first one hardly moves.
    opened = eqx.tree_at(lambda net: net.gates, network, jnp.ones(2))
    anchored = eqx.tree_at(lambda state: (state.network, state.memory), state, (opened, memory))
    moved = jax.jit(lambda *given: system.relax_weights(*given))(anchored, shares(1), jnp.asarray(50.0)).network
    np.testing.assert_allclose(moved.weights[1], tasks.teachers[1] - tasks.teachers[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(moved.weights[0], tasks.teachers[0], rtol=0, atol=1e-10)


@pytest.mark.slow
def test_a_simulation_tells_that_its_empirical_fisher_vanished():
    tasks, network = general_tasks(), GatedLinear(jnp.ones(1), jnp.zeros((1, 2, 3)))
    strategy = ElasticWeightConsolidation(fisher=EmpiricalFisher())
    system = ContinualFlow(TeacherProblem(tasks), strategy, {"gates": 1e3, "weights": 0.05})
    run = simulate(system, two_blocks(), system.initial_state(network), observables={})
    (told,) = strategy.complaints(run.final_state.memory)
    assert "nothing is protected" in told


def test_complaints_of_a_batch_are_those_of_any_of_it():
    strategy = ElasticWeightConsolidation(fisher=EmpiricalFisher())
    problem = TeacherProblem(general_tasks())
    memory = strategy.begin(problem, general_network(paths=2))[1]
    both = eqx.tree_at(lambda memory: memory.share, memory, jnp.asarray([0.3, 1e-9]))
    assert len(strategy.complaints(both)) == 1
    assert strategy.complaints(memory) == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strength": -1.0}, "strength must be finite and >= 0, got -1.0"),
        ({"strength": np.inf}, "strength must be finite"),
        ({"retention": 1.5}, "retention is 1.5; it must lie between 0 and 1"),
    ],
)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_numbers_out_of_range_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)
