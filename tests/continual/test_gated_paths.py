"""Networks of gated paths under descent with two clocks: one step by hand, the contract, and exact relations."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.continual import rectified_teachers
from ntadyn.continual.gate_steps import check_gate_step
from ntadyn.continual.groups import slow_part
from ntadyn.continual.readings import path_overlaps
from ntadyn.networks import BySoftmax, Convolutional, GatedMLP, GatedNetwork
from ntadyn.regularizers import EntropyFloor, Nonnegativity, UnitL1Norm
from ntadyn.specs.nonlinear_building import learner_of
from ntadyn.tasks.curricula import alternating
from ntadyn.testing import check_system

PATHS, D_OUT, UNITS, D_IN = 2, 2, 3, 6
PENALTY = Nonnegativity(0.3) + UnitL1Norm(0.7)
FIRST = jnp.asarray([1.0, 0.0])


@pytest.fixture(scope="module")
def problem():
    return problem_of(D_IN)


@eqx.filter_jit
def problem_of(d_in):
    points = jax.random.normal(jax.random.key(9), (40, d_in))
    return rectified_teachers(jax.random.key(0), 2, 3, D_OUT, points)


@eqx.filter_jit
def drawn(problem, key, task, number):
    return problem.draw(key, task, number)


def of_first_step(problem, state):
    """The batch of the first step on the first task."""
    return drawn(problem, jax.random.split(state.key, 3)[1], FIRST, 8)


@eqx.filter_jit
def stepped(system, state):
    return system.update(state, FIRST, jnp.asarray(1.0)).network


def network_of(gating=None, gates=(0.6, -0.2)):
    network = GatedMLP.initialise(jax.random.key(1), (PATHS, D_OUT, UNITS, D_IN), 1.0, gating)
    return eqx.tree_at(lambda tree: tree.gates, network, jnp.asarray(gates))


def learner(problem, network, rates=(0.05, 0.01), penalty=PENALTY):
    return learner_of(problem, network, rates, penalty, jax.random.key(2), 8)


@pytest.mark.slow
def test_teachers_are_orthonormal_units_and_judged_by_their_power(problem):
    rows = np.asarray(problem.teachers.hidden).reshape(-1, D_IN)
    np.testing.assert_allclose(rows @ rows.T, np.eye(6), atol=1e-12)
    points = np.asarray(problem.points)
    answers = [
        np.maximum(points @ np.asarray(u).T, 0) @ np.asarray(v).T
        for u, v in zip(problem.teachers.hidden, problem.teachers.outputs, strict=True)
    ]
    silence = [0.5 * np.mean(np.sum(each**2, axis=1)) for each in answers]
    network = network_of()

    @eqx.filter_jit
    def judged(problem, network):
        first = problem.loss(network, problem.judged(FIRST))
        return problem.losses_of_silence(), jax.vmap(network)(problem.points), problem.losses(network), first

    quiet, outputs, found, first = (np.asarray(part) for part in judged(problem, network))
    np.testing.assert_allclose(quiet, silence, rtol=1e-12)
    losses = [0.5 * np.mean(np.sum((outputs - each) ** 2, axis=1)) for each in answers]
    np.testing.assert_allclose(found, losses, rtol=1e-12)
    np.testing.assert_allclose(first, losses[0], rtol=1e-12)
    batch = drawn(problem, jax.random.key(3), 1 - FIRST, 5)
    fresh = np.maximum(np.asarray(batch.inputs) @ np.asarray(problem.teachers.hidden[1]).T, 0)
    np.testing.assert_allclose(batch.targets, fresh @ np.asarray(problem.teachers.outputs[1]).T, rtol=1e-12)
    with pytest.raises(ValueError, match="rows of 8 units"):
        rectified_teachers(jax.random.key(0), 2, 4, D_OUT, problem.points)


def test_one_step_is_that_by_hand(problem):
    network = network_of()
    system = learner(problem, network)
    state = system.initial_state(network)
    batch, after = of_first_step(problem, state), stepped(system, state)
    c, u, v = (np.asarray(part) for part in (network.gates, network.hidden, network.readouts))
    gates, hidden, readouts = np.zeros_like(c), np.zeros_like(u), np.zeros_like(v)
    for x, target in zip(np.asarray(batch.inputs), np.asarray(batch.targets), strict=True):
        before = u @ x
        features = np.maximum(before, 0)
        error = np.einsum("p,poh,ph->o", c, v, features) - target
        gates += np.einsum("o,poh,ph->p", error, v, features) / 8
        readouts += np.einsum("p,o,ph->poh", c, error, features) / 8
        hidden += np.einsum("p,o,poh,ph,i->phi", c, error, v, (before > 0).astype(float), x) / 8
    gates += 0.7 * (np.abs(c).sum() - 1) * np.sign(c) - 0.3 * (c < 0)
    np.testing.assert_allclose(after.gates, c - 0.05 * gates, rtol=1e-11)
    np.testing.assert_allclose(after.hidden, u - 0.01 * hidden, rtol=1e-11)
    np.testing.assert_allclose(after.readouts, v - 0.01 * readouts, rtol=1e-11)


@pytest.mark.slow
def test_the_descent_of_softmax_gates_is_that_of_finite_differences(problem):
    penalty = EntropyFloor(2.0, 0.6, 0.5)
    network = network_of(BySoftmax(jnp.asarray(0.5)))
    system = learner(problem, network, (0.05, 0.01), penalty)
    state = system.initial_state(network)
    batch, after = of_first_step(problem, state), stepped(system, state)

    @jax.jit
    def energy(gates):
        moved = eqx.tree_at(lambda tree: tree.gates, network, gates)
        return problem.loss(moved, batch) + penalty.energy(gates)

    h = 1e-6
    slopes = [float(energy(network.gates + h * e) - energy(network.gates - h * e)) / (2 * h) for e in jnp.eye(2)]
    np.testing.assert_allclose(after.gates, np.asarray(network.gates) - 0.05 * np.array(slopes), rtol=1e-7)
    np.testing.assert_array_equal(after.gating.temperature, 0.5)


@pytest.mark.slow
def test_temperature_is_a_learning_rate(problem):
    """Under plain descent from equal gates, T with eta_c moves everything as T = 1 with eta_c / T^2 does."""

    def run(temperature, rate):
        network = network_of(BySoftmax(jnp.asarray(temperature)), (0.0, 0.0))
        system = learner(problem, network, (rate, 0.1), EntropyFloor(0.0))
        state = system.initial_state(network)
        update = lambda state, _: (system.update(state, FIRST, jnp.asarray(1.0)), None)  # noqa: E731
        return jax.jit(lambda state: jax.lax.scan(update, state, None, 30)[0])(state).network

    warm, plain = run(2.0, 1.0), run(1.0, 0.25)
    assert abs(float(plain.open_gates()[0]) - 0.5) > 1e-3
    np.testing.assert_allclose(warm.open_gates(), plain.open_gates(), rtol=1e-11)
    np.testing.assert_allclose(warm.hidden, plain.hidden, rtol=1e-10)


def test_overlaps_of_paths_are_cosines_with_tasks(problem):
    teachers = problem.teachers
    network = GatedMLP(
        gates=jnp.asarray([0.1, 3.0]), hidden=teachers.hidden[::-1], readouts=-2 * teachers.outputs[::-1]
    )
    system = learner(problem, network)
    found = eqx.filter_jit(path_overlaps)(system, system.initial_state(network), FIRST)
    np.testing.assert_allclose([found[0, 1], found[1, 0]], [-1.0, -1.0], rtol=1e-12)
    answered = np.asarray(eqx.filter_jit(problem.answers)(problem.points))
    answers = [answered[:, m].ravel() for m in (0, 1)]
    cosine = answers[0] @ answers[1] / np.linalg.norm(answers[0]) / np.linalg.norm(answers[1])
    np.testing.assert_allclose([found[0, 0], found[1, 1]], [-cosine, -cosine], rtol=1e-12)


def test_what_holds_what_was_learned_is_everything_but_the_gates():
    kept = slow_part(network_of())
    assert kept.gates is None
    assert kept.hidden is not None


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["softmax", "a convolution and a perceptron"])
def test_the_contract_of_systems(problem, kind):
    curriculum = alternating(2, 2, 0.002)
    if kind == "softmax":
        network = network_of(BySoftmax(jnp.asarray(2.0)))
    else:
        problem = problem_of(9)
        image = Convolutional.initialise(jax.random.key(1), 3, 2, D_OUT)
        network = GatedNetwork.of((image, eqx.nn.MLP(9, D_OUT, 3, 1, key=jax.random.key(2))))
    kept = check_system(learner(problem, network), network, curriculum)
    assert "a short run ends well" in kept


def test_steps_that_throw_gates_further_than_they_find_them_are_refused(problem):
    check_gate_step(0.2, 5.0, 2)  # at the border itself, which the kinks of shut gates leave
    with pytest.raises(ValueError, match="is 2.4, and must not exceed 2"):
        check_gate_step(0.24, 5.0, 2)
    # What is refused grows: the deviation of the norm is multiplied by 1 - 2.4 = -1.4 at every step.
    step = jax.jit(lambda gates: gates - 0.24 * UnitL1Norm(5.0).gradient(gates))
    gates = jnp.asarray([0.55, 0.55])
    for _ in range(4):
        gates = step(gates)
    np.testing.assert_allclose(jnp.sum(gates) - 1, 0.1 * 1.4**4, rtol=1e-12)


def test_what_is_watched_is_observed(problem):
    network = network_of()
    names = set(learner(problem, network).observables())
    assert names == {"loss", "task_loss", "gates", "path_overlaps"}
    assert dataclasses.is_dataclass(network)
