"""Distillation against what it must reach, and learning without forgetting against EWC, which it is where it can be."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import (
    ContinualDescent,
    ContinualFlow,
    CrossEntropy,
    DataProblem,
    Distillation,
    FineTuning,
    FullElasticWeightConsolidation,
    GatedContinualFlow,
    LearningWithoutForgetting,
    SquaredError,
    TeacherProblem,
    questions,
)
from ntadyn.dynamics import GradientFlow
from ntadyn.networks import GatedLinear
from ntadyn.simulation import Adaptive, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.examples import Examples
from ntadyn.testing import check_system
from tests.systems import KINKED, TIME_CONSTANTS, general_network, general_tasks, two_blocks

KEY = jax.random.key(0)
STRENGTH = 0.6


def student(d_out=2, d_in=3):
    return eqx.nn.Linear(d_in, d_out, use_bias=False, key=KEY)


def descended(problem, strategy, start, steps, size, batch):
    """The student after plain descent on batches."""
    learner = ContinualDescent(ContinualFlow(problem, strategy, 1.0), KEY, batch)

    @jax.jit
    def run():
        step = lambda _, state: learner.update(state, jnp.ones(1), jnp.asarray(size))  # noqa: E731
        return jax.lax.fori_loop(0, steps, step, learner.initial_state(start)).network

    return run()


def test_a_linear_student_becomes_the_map_of_all_paths():
    teacher = general_network(paths=3)
    problem = questions(KEY, teacher, 64, 3, SquaredError())
    found = descended(problem, Distillation(teacher, 1.0), student(), 400, 0.4, 16)
    np.testing.assert_allclose(found.weight, teacher.total_map(), rtol=0, atol=1e-8)
    # What is asked are the answers themselves, so that plain learning does the same.
    plain = descended(problem, FineTuning(), student(), 400, 0.4, 16)
    np.testing.assert_allclose(plain.weight, found.weight, rtol=0, atol=1e-8)


@pytest.mark.slow
def test_a_student_of_a_classifier_answers_alike_and_targets_count_by_their_share():
    teacher = student(4, 3)
    problem = questions(jax.random.key(1), teacher, 200, 3, CrossEntropy())
    batch = problem.population(jnp.ones(1))
    np.testing.assert_array_equal(batch.targets, jnp.argmax(batch.inputs @ teacher.weight.T, axis=1))
    start = eqx.tree_at(lambda net: net.weight, teacher, jnp.zeros((4, 3)))
    found = descended(problem, Distillation(teacher, 1.0), start, 400, 2.0, 32)
    # Logits are free up to a number common to all classes.
    centred = lambda net: net.weight - jnp.mean(net.weight, axis=0, keepdims=True)  # noqa: E731
    np.testing.assert_allclose(centred(found), centred(teacher), rtol=0, atol=1e-6)
    half = Distillation(teacher, 0.25).objective(problem, start, (), batch)
    expected = 0.75 * problem.loss(start, batch) + 0.25 * problem.divergence(start, teacher, batch)
    np.testing.assert_allclose(half, expected, rtol=1e-14)


def test_hot_distillation_matches_centred_logits():
    of_student, of_teacher = jax.random.split(jax.random.key(2))
    outputs, taught = (jax.random.normal(key, (50, 10)) for key in (of_student, of_teacher))

    @jax.jit
    def distances():
        difference = outputs - taught
        matching = (difference - jnp.mean(difference, axis=1, keepdims=True)) / 10

        def distance(temperature):
            criterion = CrossEntropy(temperature)
            gradient = jax.vmap(jax.grad(criterion.divergence))(outputs, taught)
            return jnp.linalg.norm(gradient - matching) / jnp.linalg.norm(matching)

        return jax.vmap(distance)(jnp.asarray([1.0, 4.0, 100.0, 1000.0]))

    found = np.asarray(distances())
    assert np.all(np.diff(found) < 0)
    assert found[1] > 0.1
    assert found[2] < 0.01
    # The next order is 1/T.
    np.testing.assert_allclose(found[2] / found[3], 10, rtol=0.02)


@pytest.fixture(scope="module")
def same_inputs():
    """Two regressions on the same inputs, so that present and past inputs have one Fisher information."""
    of_inputs, of_targets = jax.random.split(jax.random.key(3))
    inputs = jax.random.normal(of_inputs, (1, 9, 3)) * jnp.asarray([[[1.0, 0.6, 0.3]]])
    examples = Examples(jnp.tile(inputs, (2, 1, 1)), jax.random.normal(of_targets, (2, 9, 2)), jnp.full(2, 9))
    return DataProblem(examples, examples, SquaredError())


@pytest.mark.slow
def test_of_a_linear_student_it_is_ewc_with_the_full_fisher_of_the_present_inputs(same_inputs):
    # With nothing retained, EWC has one anchor, as there is one snapshot.
    strategies = (
        LearningWithoutForgetting(STRENGTH),
        FullElasticWeightConsolidation(strength=STRENGTH, retention=0.0),
    )
    kept = {"weight": lambda system, state, task: state.network.weight}
    weights, fields = [], []
    for strategy in strategies:
        flow = ContinualFlow(same_inputs, strategy, 0.5)
        state = flow.initial_state(student())
        run = simulate(
            flow,
            alternating(2, 3, 0.7),
            state,
            method=Adaptive(diffrax.Tsit5(), 1e-11, 1e-13),
            observables=kept,
            records_per_block=2,
        )
        assert run.result == RESULTS.successful
        weights.append(np.asarray(run.values["weight"]))
        field = jax.jit(lambda state, flow=flow: flow.vector_field(0.0, state, jnp.asarray([0.0, 1.0])).network.weight)
        # Somewhere else than where the snapshot was taken.
        fields.append(field(eqx.tree_at(lambda state: state.network.weight, run.final_state, state.network.weight)))
    np.testing.assert_allclose(fields[0], fields[1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(weights[0], weights[1], rtol=0, atol=1e-9)


@pytest.mark.slow
def test_before_the_first_end_it_does_nothing(same_inputs):
    strategy = LearningWithoutForgetting(3.0)
    batch = same_inputs.population(jnp.asarray([1.0, 0.0]))
    before = strategy.begin(same_inputs, student())[1]
    other = eqx.tree_at(lambda net: net.weight, student(), jnp.ones((2, 3)))
    added = jax.jit(lambda memory: strategy.added(same_inputs, other, memory, batch))
    assert added(before) == 0
    after = strategy.at_end(same_inputs, student(), before, batch)[1]
    np.testing.assert_array_equal(after.met, [1.0, 0.0])
    np.testing.assert_allclose(added(after), 3 * same_inputs.divergence(other, student(), batch), rtol=1e-14)


def test_heads_of_old_tasks_are_held_on_new_inputs():
    examples = Examples(jax.random.normal(KEY, (2, 5, 3)), jnp.asarray([[0] * 5, [2] * 5]), jnp.full(2, 5))
    heads = jnp.asarray([[True, True, False, False], [False, False, True, True]])
    problem, strategy = DataProblem(examples, examples, CrossEntropy(), heads), LearningWithoutForgetting()
    first, second = (problem.population(jnp.asarray(shares)) for shares in ([1.0, 0.0], [0.0, 1.0]))

    @jax.jit
    def gradient():
        memory = strategy.at_end(problem, student(4), strategy.begin(problem, student(4))[1], first)[1]
        moved = eqx.tree_at(lambda net: net.weight, student(4), jnp.ones((4, 3)) * jnp.arange(4.0)[:, None])
        return eqx.filter_grad(lambda net: strategy.added(problem, net, memory, second))(moved).weight

    found = gradient()
    assert np.all(np.isfinite(found))
    assert np.all(np.abs(found[:2]) > 0)
    np.testing.assert_array_equal(found[2:], 0.0)


def gated(penalties):
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, penalties)
    return GatedContinualFlow(flow, LearningWithoutForgetting(STRENGTH)), general_network(paths=2)


@pytest.mark.slow
def test_closed_parts_follow_the_flow_that_is_differentiated():
    system, network = gated({})
    curriculum = alternating(2, 3, 0.6)
    finals = []
    for learner, method in ((system.general, Adaptive(rtol=1e-9, atol=1e-11)), (system, None)):
        run = simulate(learner, curriculum, learner.initial_state(network), method=method, observables={})
        assert run.result == RESULTS.successful
        finals.append(run.final_state.network)
    for name in ("gates", "weights"):
        a, b = (getattr(final, name) for final in finals)
        np.testing.assert_allclose(b, a, rtol=0, atol=2e-5, err_msg=name)


@pytest.mark.representatives(1)
@pytest.mark.slow
def test_systems_keep_their_promises():
    check_system(*gated({"gates": KINKED}), two_blocks())


def test_a_teacher_has_no_closed_form():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS)
    with pytest.raises(ValueError, match="Distillation has no closed form.*use ContinualFlow"):
        GatedContinualFlow(flow, Distillation(general_network(), 1.0))
    system = ContinualFlow(TeacherProblem(general_tasks()), Distillation(general_network(), 1.0), TIME_CONSTANTS)
    network = GatedLinear(jnp.ones(1), general_network().total_map()[None])
    state = system.initial_state(network)
    # Who answers like the teacher has nothing left to learn, whatever the task.
    rate = jax.jit(lambda: system.vector_field(0.0, state, jnp.asarray([1.0, 0.0])).network)()
    np.testing.assert_allclose(rate.weights, 0.0, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LearningWithoutForgetting(-1.0), "strength must be finite and >= 0"),
        (lambda: Distillation(student(), 1.5), "share is 1.5; it must lie between 0"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
