"""The one-sample limit: its closed form, its place beside the population flow, and batches that come near it."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OnlineSGD, OrderParameters, OrderParameterState
from ntadyn.networks import GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, LaneSteps, Updates, integrate_batch, observables, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import lay_out
from ntadyn.tasks import Scale
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import orthogonal
from tests.systems import KINKED, TIME_CONSTANTS, general_network, general_tasks

# The test of the specification: w = .5, g = 4, one sample per step.
LIMIT = {"gates": 0.25, "weights": 2.0}
PENALTIES = {"gates": Nonnegativity(0.5) + UnitL1Norm(1.0)}
BLOCKS = alternating(2, 4, jnp.asarray(4.0))
STUDENTS = jnp.asarray([[0.38, 0.08], [0.08, 0.31]])
CROSS = jnp.asarray([[0.6, 0.2], [0.1, 0.5]])
RECORDED = {
    "gates": observables.gates,
    "students": observables.student_overlaps,
    "cross": observables.teacher_overlaps,
}


def limit(noise):
    tasks = orthogonal(jax.random.key(0), 2, 2, 8, Scale.UNIT)
    return OrderParameters(tasks, LIMIT, PENALTIES, batch_noise=noise)


def start():
    return OrderParameterState(jnp.full(2, 0.5), STUDENTS[None], CROSS[None])


@pytest.mark.slow
def test_weights_relax_in_closed_form():
    system = OrderParameters(general_tasks(), TIME_CONSTANTS, {"gates": KINKED}, batch_noise=0.8)
    state, task = system.initial_state(general_network()), jnp.asarray([0.2, 0.9])
    zero = jnp.zeros_like(state.gates)

    def field(t, overlaps, args):
        change = system.vector_field(t, OrderParameterState(state.gates, *overlaps), task)
        return change.students, change.cross

    solved = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        diffrax.Tsit5(),
        0.0,
        0.9,
        None,
        (state.students, state.cross),
        stepsize_controller=diffrax.PIDController(rtol=1e-11, atol=1e-12),
    )
    relaxed = system.relax_weights(state, task, jnp.asarray(0.9))
    np.testing.assert_allclose(relaxed.students, solved.ys[0][-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(relaxed.cross, solved.ys[1][-1], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(relaxed.gates, state.gates + zero)


@pytest.mark.slow
def test_limit_is_that_of_the_specification_and_no_noise_is_the_population():
    run = simulate(limit(0.5), BLOCKS, start(), observables=RECORDED)
    assert bool(run.result == RESULTS.successful)
    first, last = (np.flatnonzero(np.asarray(run.blocks) == block)[-1] for block in (0, 3))

    def row(at):
        k, s = run.values["students"][at], run.values["cross"][at]
        return np.asarray([*run.values["gates"][at], k[0, 0], k[0, 1], k[1, 1], *np.ravel(s)])

    told = [1.1019, 0.0001, 1.4355, 0.2212, 0.3290, 1.6787, 0.0143, 0.2582, 0.4661]
    np.testing.assert_allclose(row(first), told, rtol=0, atol=0.003)
    told = [0.0003, 1.0459, 1.6650, 0.1128, 1.7367, 1.7953, 0.1120, 0.0079, 1.8605]
    np.testing.assert_allclose(row(last), told, rtol=0, atol=0.003)

    silent, plain = (simulate(system, BLOCKS, start(), observables=RECORDED) for system in (limit(0.0), limit(None)))
    for name in RECORDED:
        np.testing.assert_allclose(silent.values[name], plain.values[name], rtol=0, atol=1e-14)


@pytest.mark.slow
def test_lanes_carry_the_noise():
    noises = jnp.asarray([0.0, 0.5, 1.5])
    systems = jax.vmap(limit)(noises)
    states = jax.vmap(lambda _: start())(noises)
    fine = lay_out(BLOCKS, 0.01)
    on_lanes = integrate_batch(systems, BLOCKS, states, LaneSteps(), fine, RECORDED)
    exact = integrate_batch(systems, BLOCKS, states, FixedSteps(max_step=0.01), fine, RECORDED)
    assert bool(jnp.all(on_lanes.result == RESULTS.successful))
    for name in RECORDED:
        np.testing.assert_allclose(on_lanes.values[name], exact.values[name], rtol=0, atol=1e-3, err_msg=name)
    assert np.max(np.abs(exact.values["students"][2] - exact.values["students"][0])) > 0.1


def test_errors_grow_beyond_the_bound_and_nobody_calls_that_impossible():
    """kappa |c|^2 > 2: the error of every batch adds more than descent takes away."""
    system = OrderParameters(limit(None).tasks, LIMIT | {"gates": 1e6}, {}, batch_noise=6.0)
    state = start()
    run = simulate(system, alternating(2, 1, jnp.asarray(4.0)), state)
    assert bool(run.result == RESULTS.successful)
    assert run.values["loss"][-1] > run.values["loss"][0]


@pytest.mark.slow
def test_batches_of_one_come_near_the_limit():
    d_in, seeds = 256, 100
    tasks = orthogonal(jax.random.key(0), 2, 2, d_in, Scale.UNIT)
    free = jnp.linalg.svd(tasks.teachers.reshape(4, d_in), full_matrices=True)[2][4:8]
    apart = jnp.sqrt(0.18) * free.reshape(2, 2, d_in) / jnp.sqrt(2.0)
    network = GatedLinear(jnp.full(2, 0.5), jnp.einsum("pm,moi->poi", CROSS / 2, tasks.teachers) + apart)
    flow = GradientFlow(tasks, LIMIT, PENALTIES)
    closed = OrderParameters(tasks, LIMIT, PENALTIES).initial_state(network)
    np.testing.assert_allclose(closed.students[0], STUDENTS, atol=1e-12)
    np.testing.assert_allclose(closed.cross[0], CROSS, atol=1e-12)

    def one(key):
        system = OnlineSGD(flow, key, 1)  # pyright: ignore[reportCallIssue]
        run = simulate(system, BLOCKS, system.initial_state(network), method=Updates(1 / d_in), observables=RECORDED)
        return jax.tree.map(lambda x: x[-1], run.values)

    found = jax.vmap(one)(jax.random.split(jax.random.key(2), seeds))
    ode = jax.tree.map(lambda x: x[-1], simulate(limit(0.5), BLOCKS, start(), observables=RECORDED).values)
    for name in RECORDED:
        np.testing.assert_allclose(jnp.mean(found[name], axis=0), ode[name], rtol=0, atol=0.015, err_msg=name)
