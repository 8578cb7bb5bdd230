"""Committee machines: averages against quadrature, the flow against a table, its gradients and samples."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

from ntadyn.continual.committee import CommitteeMachine, CommitteeNetwork, CommitteeSGD, CommitteeTasks, i2, i3, i4
from ntadyn.simulation import Adaptive, Updates, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.tasks.curricula import alternating
from ntadyn.testing import check_system

ROOT = np.asarray([[0.9, 0.0, 0.0], [0.4, 0.7, 0.0], [-0.3, 0.5, 0.8]])
C = jnp.asarray(ROOT @ ROOT.T)


def g(x):
    return erf(x / 2**0.5)


def slope(x):
    return (2 / np.pi) ** 0.5 * np.exp(-(x**2) / 2)


@pytest.fixture(scope="module")
def averages():
    """A function of fields -> its average, by Gauss-Hermite quadrature in three dimensions."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    grid = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 3)
    weight = np.einsum("i,j,k->ijk", weights, weights, weights).ravel() / (2 * np.pi) ** 1.5
    fields = grid @ ROOT.T
    return lambda function: np.sum(weight * function(*fields.T))


@pytest.mark.slow
def test_averages_are_those_of_quadrature(averages):
    two, three, four = (np.asarray(x) for x in (i2(C), i3(C, 2), i4(C, 2)))
    np.testing.assert_allclose(two[0, 1], averages(lambda a, b, c: g(a) * g(b)), atol=1e-10)
    np.testing.assert_allclose(two[2, 2], averages(lambda a, b, c: g(c) ** 2), atol=1e-8)
    np.testing.assert_allclose(three[0, 1, 2], averages(lambda a, b, c: slope(a) * b * g(c)), atol=1e-10)
    np.testing.assert_allclose(three[0, 0, 0], averages(lambda a, b, c: slope(a) * a * g(a)), atol=1e-8)
    np.testing.assert_allclose(three[1, 2, 2], averages(lambda a, b, c: slope(b) * c * g(c)), atol=1e-8)
    np.testing.assert_allclose(four[0, 1, 2, 2], averages(lambda a, b, c: slope(a) * slope(b) * g(c) ** 2), atol=1e-8)
    np.testing.assert_allclose(four[0, 0, 1, 2], averages(lambda a, b, c: slope(a) ** 2 * g(b) * g(c)), atol=1e-8)
    np.testing.assert_allclose(four[1, 1, 1, 0], averages(lambda a, b, c: slope(b) ** 2 * g(b) * g(a)), atol=1e-8)


# --- Test 1 of the specification.

RATES = (0.5, 0.5)
TABLE = {10: (0.0140, 0.1367), 20: (0.0016, 0.1359), 30: (0.0259, 0.0282), 40: (0.0468, 0.0020)}


def teachers(number):
    basis = np.eye(number)[:2] * number**0.5
    units = np.stack([basis[0], 0.5 * basis[0] + 0.75**0.5 * basis[1]])
    return CommitteeTasks(jnp.asarray(units), jnp.eye(2))


def student(number):
    basis = np.eye(number)[:4] * number**0.5
    weights = np.asarray([[0.2, 0.1, 0.3, 0.0], [-0.1, 0.15, 0.0, 0.3]]) @ basis
    return CommitteeNetwork(jnp.asarray(weights), jnp.asarray([[0.3, -0.2], [0.25, 0.1]]))


def machine(number=8, rates=RATES):
    return CommitteeMachine(teachers(number), *map(jnp.asarray, rates))


def test_flow_is_the_one_of_the_table():
    system, curriculum = machine(), alternating(2, 2, jnp.asarray(20.0))
    state = system.initial_state(student(8))
    run = simulate(system, curriculum, state, method=Adaptive(), times=tuple(map(float, TABLE)))
    assert bool(run.result == RESULTS.successful)
    for time, told in TABLE.items():
        at = np.flatnonzero(np.isclose(run.times, time))[0]
        np.testing.assert_allclose(run.values["losses"][at], told, atol=2e-4, err_msg=str(time))
    last = {name: values[-1] for name, values in run.values.items()}
    np.testing.assert_allclose(np.ravel(last["unit_overlaps"])[[0, 1, 3]], [1.1089, -0.0678, 0.3531], atol=1e-3)
    np.testing.assert_allclose(np.ravel(last["teacher_unit_overlaps"]), [0.6848, 1.0333, -0.4673, 0.0440], atol=1e-3)
    np.testing.assert_allclose(np.ravel(last["heads"]), [0.8026, -0.4913, 0.9292, 0.2287], atol=1e-3)


@pytest.mark.slow
def test_weights_and_heads_descend_the_loss():
    """Without the square of the weights' rate the flow is steepest descent in weights and head."""
    number = 8
    network, task = student(number), jnp.asarray([0.0, 1.0])
    system = machine(number, rates=(1.0, 0.7))
    state = system.initial_state(network)
    gradient = jax.grad(lambda network: system.loss(system.initial_state(network), task))(network)
    field = system.vector_field(0.0, state, task)
    np.testing.assert_allclose(field.heads, -0.7 * gradient.heads, atol=1e-12)
    np.testing.assert_allclose(field.heads[0], 0)
    moved = -number * gradient.weights
    np.testing.assert_allclose(field.cross, moved @ system.tasks.units.T / number, atol=1e-12)
    slow = dataclasses.replace(system, weight_rate=jnp.asarray(1e-4))
    small = slow.vector_field(0.0, state, task).students / 1e-4
    cross = moved @ network.weights.T / number
    np.testing.assert_allclose(small, cross + cross.T, atol=1e-4)
    # A student that says nothing: half of 2/pi asin(1/2).
    silent = system.initial_state(CommitteeNetwork(0 * network.weights, 0 * network.heads))
    np.testing.assert_allclose(system.loss(silent, task), 1 / 6, atol=1e-12)


@pytest.mark.slow
def test_it_keeps_the_promises_of_the_interface():
    curriculum = alternating(2, 2, jnp.asarray(0.5))
    assert check_system(machine(), student(8), curriculum)
    limit = machine(8)
    assert check_system(CommitteeSGD(limit, jax.random.key(0)), student(8), curriculum)


@pytest.mark.slow
def test_samples_come_near_the_limit():
    number, seeds, curriculum = 100, 40, alternating(2, 2, jnp.asarray(20.0))
    limit, network = machine(number), student(number)

    def one(key):
        system = CommitteeSGD(limit, key)
        run = simulate(system, curriculum, system.initial_state(network), method=Updates(1 / number))
        return jax.tree.map(lambda x: x[-1], run.values)

    found = eqx.filter_jit(jax.vmap(one))(jax.random.split(jax.random.key(5), seeds))
    exact = simulate(limit, curriculum, limit.initial_state(network), method=Adaptive()).values
    for name, values in found.items():
        error = 3 * np.std(values, axis=0, ddof=1) / seeds**0.5 + 1 / number
        np.testing.assert_array_less(np.abs(np.mean(values, axis=0) - exact[name][-1]), error, err_msg=name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CommitteeTasks(jnp.ones((2, 5)), jnp.ones((2, 3))), "give .units, inputs. and .tasks, units."),
        (lambda: CommitteeTasks(jnp.ones((13, 5)), jnp.ones((2, 13))), "at most 12"),
        (lambda: CommitteeNetwork(jnp.ones((2, 5)), jnp.ones((2, 3))), "give .units, inputs."),
        (lambda: machine(8).initial_state(student(9)), "make them equal"),
        (lambda: machine(rates=(-1.0, 1.0)), "weight_rate is -1.0"),
        (
            lambda: machine(8).initial_state(CommitteeNetwork(jnp.ones((11, 8)), jnp.ones((2, 11)))),
            "13 units in all",
        ),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
