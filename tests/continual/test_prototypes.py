"""Prototype gates: what is stored, when gates jump, and how much adaptation it takes to know a task."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import (
    CommonRate,
    ContinualDescent,
    ContinualFlow,
    CrossEntropy,
    DataProblem,
    GatedContinualFlow,
    GateFlow,
    InnerLoop,
    LabelledPrototypeGates,
    PrototypeGates,
    PrototypeMemory,
    TeacherProblem,
    adapted,
    identification_accuracy,
)
from ntadyn.dynamics import GradientFlow
from ntadyn.interface.loops import EventSearch
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.tasks.examples import Examples
from ntadyn.testing import check_system
from tests.systems import general_network, general_tasks, orthogonal_tasks

TEACHERS = orthogonal_tasks(3, 2, 6)
PROBLEM = TeacherProblem(TEACHERS)
SPECIALISTS = GatedLinear(np.eye(3)[0], TEACHERS.teachers)
# |W*|^2: how fast gates of specialists learn.
SIZE = 2.0
TAUS = {"gates": jnp.asarray(0.5), "weights": jnp.ones(())}
CURRICULUM = sequence([0, 1, 0], jnp.asarray(0.1), 2)


@pytest.mark.slow
def test_gate_flow_is_that_of_the_closed_form():
    """With penalties and kinks, against the gates of the gated flow."""
    penalty = Nonnegativity(0.3) + UnitL1Norm(1.5)
    tasks, network = general_tasks(), general_network()
    flow = GradientFlow(tasks, {"gates": 0.5, "weights": 1.0}, {"gates": penalty})

    @jax.jit
    def both(network, task):
        expected = flow.flow_gates(network, task, jnp.asarray(0.4), EventSearch())
        return expected, adapted(TeacherProblem(tasks), network, task, GateFlow(0.8, penalty))

    expected, found = both(network, jnp.asarray([0.0, 1.0]))
    np.testing.assert_allclose(found.gates, expected.gates, rtol=1e-12)
    assert np.array_equal(found.weights, network.weights)
    assert np.max(np.abs(found.gates - network.gates)) > 0.05


def test_tasks_are_identified_after_the_time_that_half_a_switch_takes():
    half = np.log(2) / SIZE
    times = jnp.asarray([0.0, 0.5, 0.99, 1.01, 3.0]) * half
    curve = jax.jit(jax.vmap(lambda time: identification_accuracy(PROBLEM, SPECIALISTS, jnp.eye(3), GateFlow(time))))(
        times
    )
    np.testing.assert_array_equal(curve, [0, 0, 0, 1, 1])


def test_steps_identify_as_well():
    """Every step leaves 1 - 0.1 |W*|^2 = 0.8 of the way, and 0.8^4 < 1/2 < 0.8^3."""

    @jax.jit
    def accuracies():
        loops = (InnerLoop(steps, CommonRate(0.1)) for steps in (3, 4))
        return [identification_accuracy(PROBLEM, SPECIALISTS, jnp.eye(3), inner) for inner in loops]

    assert accuracies() == [0, 1]


@pytest.fixture(scope="module")
def memory_of_two():
    """Room for three, two of them taken."""
    prototypes = jnp.asarray([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    return PrototypeMemory(prototypes, jnp.asarray([True, True, False]), jnp.asarray(False))


def test_gates_jump_to_what_is_near_and_stay_where_nothing_is(memory_of_two):
    strategy = PrototypeGates(GateFlow(2.0), 0.9, capacity=3)

    @jax.jit
    def jumped(network):
        return [strategy.at_start(PROBLEM, network, memory_of_two, PROBLEM.population(task)) for task in jnp.eye(3)]

    first, second, third = jumped(SPECIALISTS)
    np.testing.assert_array_equal(first[0].gates, [1, 0, 0])
    np.testing.assert_array_equal(second[0].gates, [0, 2, 0])  # the prototype, not the trial
    np.testing.assert_array_equal(third[0].gates, SPECIALISTS.gates)  # the third task is not known
    for network, memory in (first, second, third):
        assert eqx.tree_equal(memory, memory_of_two)
        assert np.array_equal(network.weights, SPECIALISTS.weights)


def test_nothing_is_near_before_anything_is_stored():
    strategy = PrototypeGates(GateFlow(2.0), -1.0, capacity=2)

    @jax.jit
    def start(network):
        _, memory = strategy.begin(PROBLEM, network)
        return strategy.at_start(PROBLEM, network, memory, PROBLEM.population(jnp.eye(3)[1]))[0]

    np.testing.assert_array_equal(start(SPECIALISTS).gates, SPECIALISTS.gates)


def test_novel_gates_open_a_place_and_known_ones_renew_theirs():
    strategy, batch = PrototypeGates(GateFlow(2.0), 0.9, capacity=2), PROBLEM.population(jnp.eye(3)[0])

    @jax.jit
    def stored(network):
        _, memory = strategy.begin(PROBLEM, network)
        kept = []
        for gates in ([1.0, 0, 0], [0, 1.0, 0], [0.9, 0.1, 0], [0, 0, 1.0]):
            network = GatedLinear(jnp.asarray(gates), network.weights)
            _, memory = strategy.at_end(PROBLEM, network, memory, batch)
            kept.append(memory)
        return kept

    one, two, renewed, beyond = stored(SPECIALISTS)
    assert one.stored.tolist() == [True, False]
    assert two.stored.tolist() == [True, True]
    np.testing.assert_allclose(renewed.prototypes, [[0.9, 0.1, 0], [0, 1, 0]])
    np.testing.assert_array_equal(beyond.prototypes, renewed.prototypes)
    assert not strategy.is_full(renewed)
    assert strategy.is_full(beyond)
    assert strategy.complaints(renewed) == ()
    assert "more than 2 contexts were met" in strategy.complaints(beyond)[0]


def test_labels_say_where_gates_are_stored():
    strategy = LabelledPrototypeGates(GateFlow(2.0))

    @jax.jit
    def stored(network):
        _, memory = strategy.begin(PROBLEM, network)
        return strategy.at_end(PROBLEM, network, memory, PROBLEM.population(jnp.eye(3)[2]))[1]

    memory = stored(SPECIALISTS)
    assert memory.stored.tolist() == [False, False, True]
    np.testing.assert_array_equal(memory.prototypes[2], SPECIALISTS.gates)
    assert LabelledPrototypeGates.needs_task_ids
    assert not PrototypeGates.needs_task_ids


@pytest.mark.slow
def test_specialists_that_jump_make_no_errors_after_their_first_visits():
    """On a stream A B C A B C the last three blocks begin without loss."""
    strategy = PrototypeGates(GateFlow(1.0), 0.8, capacity=3)
    flow = GradientFlow(TEACHERS, {"gates": 0.3, "weights": 1e6})
    system, curriculum = GatedContinualFlow(flow, strategy), alternating(3, 6, jnp.asarray(3.0))
    run = simulate(system, curriculum, system.initial_state(SPECIALISTS), method=FixedSteps(max_step=0.1))
    start = np.asarray(run.values["loss"]).reshape(6, 2)[:, 0]
    np.testing.assert_allclose(start[1:3], SIZE, rtol=1e-6)
    np.testing.assert_allclose(start[3:], 0, atol=1e-12)


@pytest.mark.slow
def test_the_gated_flow_keeps_the_promises_of_systems():
    closed = GatedContinualFlow(GradientFlow(general_tasks(), TAUS), PrototypeGates())
    assert "a short run ends well" in check_system(closed, general_network(), CURRICULUM)


@pytest.mark.slow
def test_descent_keeps_the_promises_of_systems():
    by_steps = LabelledPrototypeGates(InnerLoop(3, CommonRate(0.1)))
    descent = ContinualDescent(ContinualFlow(TeacherProblem(general_tasks()), by_steps, TAUS), jax.random.key(0))
    assert "a short run ends well" in check_system(descent, general_network(), CURRICULUM)


def test_what_is_refused():
    plain = eqx.nn.Linear(6, 2, key=jax.random.key(0))
    with pytest.raises(ValueError, match="no gates to store"):
        PrototypeGates().begin(PROBLEM, plain)
    with pytest.raises(ValueError, match="threshold is 1.5; a cosine"):
        PrototypeGates(threshold=1.5)
    with pytest.raises(ValueError, match="capacity is 0"):
        PrototypeGates(capacity=0)
    with pytest.raises(ValueError, match="duration of a gate flow is -1"):
        GateFlow(-1.0)
    with pytest.raises(ValueError, match=r"prototypes of shape \(2, 3\) for 3 tasks"):
        identification_accuracy(PROBLEM, SPECIALISTS, jnp.eye(3)[:2], GateFlow(1.0))
    examples = Examples(np.ones((1, 2, 6)), np.zeros((1, 2), int), [2])
    classes, batch = DataProblem(examples, examples, CrossEntropy()), PROBLEM.population(jnp.eye(3)[0])
    for problem, network in ((classes, SPECIALISTS), (PROBLEM, plain)):
        with pytest.raises(ValueError, match="GateFlow got a .* whose loss is quadratic in the gates"):
            GateFlow(1.0).adapted(problem, network, batch)
