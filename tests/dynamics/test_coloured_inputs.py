"""Inputs with a covariance: overlaps by eigenspace against weight space, on lanes and off them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OrderParameters
from ntadyn.networks import GatedLinear, NeuronGatedLinear
from ntadyn.simulation import FixedSteps, LaneSteps, integrate_batch, observables, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.simulation.time_grid import lay_out
from ntadyn.tasks import InputCovariance, inputs
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import orthogonal
from tests.systems import KINKED, TIME_CONSTANTS, general_network, general_tasks

CLOSURE = 1e-10
D_IN, D_OUT = 9, 3
VARIANCES = (0.0, 0.2, 0.2, 0.7, 0.7, 1.5, 1.5, 3.0, 3.0)
RECORDED = {
    "gates": observables.gates,
    "loss": observables.loss,
    "students": observables.student_overlaps,
    "cross": observables.teacher_overlaps,
}


def rotated(variances=VARIANCES):
    """A covariance with these variances along random axes."""
    axes = jnp.linalg.qr(jax.random.normal(jax.random.key(4), (D_IN, D_IN)))[0]
    return (axes * jnp.asarray(variances)[None]) @ axes.T


def pair(kind=GatedLinear, sigma=None):
    """The weight-space flow, its reduction, and a network."""
    sigma = rotated() if sigma is None else sigma
    tasks = general_tasks(2, D_OUT, D_IN)
    network = general_network(kind, 2, D_OUT, D_IN)
    arguments = (tasks, TIME_CONSTANTS, {"gates": KINKED})
    reduced = OrderParameters(*arguments, row_resolved=kind is NeuronGatedLinear, input_covariance=sigma)
    return GradientFlow(*arguments, input_covariance=sigma), reduced, network


def records(system, network, curriculum):
    state = system.initial_state(network)
    method = FixedSteps(max_step=0.05)
    run = simulate(system, curriculum, state, method=method, observables=RECORDED, records_per_block=1)
    assert bool(run.result == RESULTS.successful)
    return run.values


@pytest.mark.slow
def test_overlaps_by_eigenspace_are_the_flow_in_weight_space():
    flow, reduced, network = pair()
    assert reduced.spectrum.num_groups == 5
    curriculum = alternating(2, 6, jnp.asarray(0.7))
    full, closed = records(flow, network, curriculum), records(reduced, network, curriculum)
    for name in RECORDED:
        np.testing.assert_allclose(closed[name], full[name], rtol=0, atol=CLOSURE, err_msg=name)


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("kind", [GatedLinear, NeuronGatedLinear])
def test_fields_steps_and_readings_are_those_of_weight_space(kind):
    flow, reduced, network = pair(kind)
    state, task = reduced.initial_state(network), jnp.asarray([0.3, 0.9])
    change = flow.vector_field(0.0, network, task)
    closed = jax.jvp(reduced.initial_state, (network,), (change,))[1]
    by_field = reduced.vector_field(0.0, state, task)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-13), by_field, closed)
    relaxed = (system.relax_weights(at, task, jnp.asarray(0.4)) for system, at in ((flow, network), (reduced, state)))
    full, closed = (system.overlaps(at) for system, at in zip((flow, reduced), relaxed, strict=True))
    np.testing.assert_allclose(jnp.sum(full.students, axis=0), jnp.sum(closed.students, axis=0), rtol=0, atol=1e-12)
    for one, other in zip(flow.gate_quadratic(network, task), reduced.gate_quadratic(state, task), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    np.testing.assert_allclose(reduced.task_rate(), flow.task_rate(), rtol=1e-12)
    seen, told = flow.seen_overlaps(network), reduced.seen_overlaps(state)
    for one, other in zip(jax.tree.leaves(seen), jax.tree.leaves(told), strict=True):
        np.testing.assert_allclose(jnp.sum(one, axis=0), jnp.sum(other, axis=0), rtol=0, atol=1e-12)


@pytest.mark.slow
def test_equal_variances_are_white_inputs():
    _, reduced, network = pair(sigma=jnp.eye(D_IN))
    assert reduced.spectrum.num_groups == 1
    white = OrderParameters(reduced.tasks, TIME_CONSTANTS, {"gates": KINKED})
    state, task = white.initial_state(network), jnp.asarray([0.3, 0.9])
    for move in (
        lambda system: system.vector_field(0.0, state, task),
        lambda system: system.relax_weights(state, task, jnp.asarray(0.4)),
        lambda system: (system.loss(state, task), system.rates(state, task), system.task_rate()),
    ):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-14), move(reduced), move(white))


@pytest.mark.slow
def test_what_inputs_never_show_is_never_learned_and_laws_hold_for_plain_sums():
    _, reduced, network = pair()
    free = OrderParameters(reduced.tasks, TIME_CONSTANTS, input_covariance=rotated())
    state = reduced.initial_state(network)
    run = simulate(reduced, alternating(2, 4, jnp.asarray(0.7)), state, observables={"state": observables.full_state})
    dead = int(np.argmin(reduced.spectrum.variances))
    students = run.values["state"].students
    np.testing.assert_allclose(
        students[:, dead], np.broadcast_to(students[0, dead], students[:, dead].shape), atol=1e-12
    )
    assert np.max(np.abs(students[-1] - students[0])) > 0.1

    # tau_W K - tau_c c c^T is conserved by the flow without penalties.
    change = free.vector_field(0.0, state, jnp.asarray([1.0, 0.0]))
    outer = change.gates[:, None] * state.gates[None]
    drift = 1.1 * jnp.sum(change.students, axis=0) - 0.3 * (outer + outer.T)
    np.testing.assert_allclose(drift, 0, atol=CLOSURE)


@pytest.mark.slow
def test_lanes_take_the_same_steps_for_every_spectrum():
    tasks = orthogonal(jax.random.key(0), 2, D_OUT, D_IN)
    curriculum = alternating(2, 3, jnp.asarray(0.7))
    grid = lay_out(curriculum, 0.02)

    def ends(exponents, method):
        def build(exponent, key):
            # Traced exponents keep all directions apart.
            covariance = inputs.power_law(D_IN, exponent)
            system = OrderParameters(tasks, TIME_CONSTANTS, {"gates": KINKED}, input_covariance=covariance)
            network = GatedLinear.initialise(key, (2, D_OUT, D_IN), 0.3, 0.5 * jnp.ones(2), jnp.float64)
            return system, system.initial_state(network)

        keys = jax.random.split(jax.random.key(1), len(exponents))
        systems, states = eqx.filter_jit(jax.vmap(build))(jnp.asarray(exponents), keys)
        return integrate_batch(systems, curriculum, states, method, grid, RECORDED)

    exponents = (0.0, 1.0, 2.0)
    on_lanes, fine = ends(exponents, LaneSteps()), ends(exponents, FixedSteps(max_step=0.005))
    assert bool(jnp.all(on_lanes.result == RESULTS.successful))
    for name in RECORDED:
        np.testing.assert_allclose(on_lanes.values[name], fine.values[name], rtol=0, atol=2e-3, err_msg=name)


# --- Covariances.


def test_spectra_have_the_power_of_white_inputs():
    spectrum = inputs.power_law(20, 1.0)
    np.testing.assert_allclose(jnp.sum(spectrum.variances), 20)
    np.testing.assert_allclose(spectrum.variances[0] / spectrum.variances[9], 10)
    np.testing.assert_allclose(inputs.power_law(5, 0.0).variances, 1)
    drawn = np.random.default_rng(0).normal(size=(4000, 3)) * np.asarray([1.0, 2.0, 3.0]) + 5
    measured = inputs.from_data(drawn)
    np.testing.assert_allclose(measured.variances, 3 * np.asarray([1, 4, 9]) / 14, rtol=0.1)
    np.testing.assert_allclose(jnp.trace(measured.matrix()), 3)


def test_groups_hold_equal_variances():
    values, members = InputCovariance.from_matrix(rotated()).groups()
    np.testing.assert_allclose(values, [0, 0.2, 0.7, 1.5, 3], atol=1e-14)
    np.testing.assert_array_equal(jnp.sum(members, axis=1), [1, 2, 2, 2, 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: inputs.along_axes(jnp.zeros(3)), "are zero"),
        (lambda: inputs.along_axes(jnp.asarray([1.0, -1.0, 2.0])), "must be zero or positive"),
        (lambda: inputs.along_axes(jnp.ones((2, 2))), "one number per input"),
        (lambda: inputs.from_data(np.ones((1, 3))), "at least two rows"),
        (lambda: inputs.from_data(np.ones((4, 3))), "all the same"),
        (lambda: inputs.power_law(3, float("nan")), "must be zero or positive, and finite"),
        (lambda: pair(sigma=jnp.eye(4)), "make them equal"),
        (lambda: OrderParameters(general_tasks(), TIME_CONSTANTS, batch_noise=-0.1), "batch_noise is -0.1"),
        (
            lambda: OrderParameters(general_tasks(), TIME_CONSTANTS, input_covariance=jnp.eye(3), batch_noise=0.1),
            "mixes the eigenspaces",
        ),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
