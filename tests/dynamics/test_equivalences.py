"""Different descriptions of one and the same learning: reductions, limits, and the published discretisation."""

import functools
import math

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.dynamics import (
    GradientFlow,
    OnlineSGD,
    OrderParameters,
    SVDModes,
    Symmetric,
    mode_aligned,
    toy_flow,
    toy_tasks,
)
from ntadyn.networks import GatedLinear, NeuronGatedLinear
from ntadyn.regularizers import ColumnL2, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.simulation import FixedSteps, Updates, observables, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.tasks.curricula import alternating, sequence
from ntadyn.tasks.teachers import axis_aligned, orthogonal
from tests.systems import KINKED, TIME_CONSTANTS, direction, general_network, general_tasks, parameters

CLOSURE = 1e-10  # the bar set for reductions over whole runs; fields agree to rounding, 1e-13
RECORDED = {
    "gates": observables.gates,
    "loss": observables.loss,
    "students": observables.student_overlaps,
    "cross": observables.teacher_overlaps,
}


def assert_trees_close(left, right, atol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=atol), left, right)


def reduced_rate(flow, reduction, network, task):
    """The full flow's rate of change of the reduced variables."""
    moving, still = eqx.partition(network, eqx.is_inexact_array)
    view = lambda moving: reduction.initial_state(eqx.combine(moving, still))  # noqa: E731
    return jax.jvp(view, (moving,), (parameters(flow.vector_field(0.0, network, task)),))[1]


def records(system, network, curriculum, solver=None, step=0.02):
    method = FixedSteps(max_step=step) if solver is None else FixedSteps(solver, step)
    state = system.initial_state(network)
    trajectory = simulate(system, curriculum, state, method=method, observables=RECORDED, records_per_block=1)
    assert bool(trajectory.result == RESULTS.successful)
    return trajectory.values


def order_parameters(kind, paths, num_tasks):
    tasks, network = general_tasks(num_tasks), general_network(kind, paths)
    penalties = {"gates": KINKED + UnitL2Norm(0.4)}
    reduction = OrderParameters(tasks, TIME_CONSTANTS, penalties, row_resolved=kind is NeuronGatedLinear)
    return tasks, penalties, network, reduction


def singular_modes():
    tasks = orthogonal(jax.random.key(3), 2, 2, 5)
    # Not aligned with any mode, and with a component outside all of them.
    network = general_network(paths=3, d_in=5)
    return tasks, {"gates": KINKED}, network, SVDModes(tasks, TIME_CONSTANTS, {"gates": KINKED})


CLOSURES = {
    "GatedLinear, P=3, M=2": lambda: order_parameters(GatedLinear, 3, 2),
    "GatedLinear, P=2, M=4": lambda: order_parameters(GatedLinear, 2, 4),
    "NeuronGatedLinear, P=2, M=4": lambda: order_parameters(NeuronGatedLinear, 2, 4),
    "singular modes": singular_modes,
}


@pytest.mark.representatives(1)
@pytest.mark.parametrize("name", CLOSURES)
def test_reduced_field_is_the_full_one_seen_through_the_reduction(name):
    tasks, penalties, network, reduction = CLOSURES[name]()
    flow = GradientFlow(tasks, TIME_CONSTANTS, penalties)
    for task in (jnp.eye(tasks.num_tasks)[1], jnp.linspace(0.1, 0.9, tasks.num_tasks)):
        reduced = reduction.vector_field(0.0, reduction.initial_state(network), task)
        assert_trees_close(reduced, reduced_rate(flow, reduction, network, task), 1e-13)


# Their fields are compared above; whole runs of them all take a minute to compile.
QUICK = ("GatedLinear, P=2, M=4", "singular modes")


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in CLOSURES]
)
def test_reduced_run_is_the_full_one(name):
    tasks, penalties, network, reduction = CLOSURES[name]()
    flow = GradientFlow(tasks, TIME_CONSTANTS, penalties)
    curriculum = alternating(tasks.num_tasks, 4, 1.0)
    assert_trees_close(records(reduction, network, curriculum), records(flow, network, curriculum), CLOSURE)


@pytest.mark.slow
def test_reduced_euler_run_differs_at_first_order():
    # One Euler step of W changes W W^T by a term of order h^2 that the Euler step of K does not have.
    tasks, network, curriculum = general_tasks(), general_network(paths=2), alternating(2, 1, 0.5)
    systems = [kind(tasks, TIME_CONSTANTS, {"gates": KINKED}) for kind in (GradientFlow, OrderParameters)]

    def gap(step):
        full, reduced = (records(system, network, curriculum, diffrax.Euler(), step)["loss"] for system in systems)
        return float(jnp.max(jnp.abs(full - reduced)))

    assert gap(0.004) / gap(0.002) == pytest.approx(2, abs=0.1)


# Figure 2 of the paper, with ten equal modes of strength s = 1/sqrt(20): N s^2 = 1/2.
PUBLISHED_TIMES = {"gates": 0.03, "weights": 1.3}
PUBLISHED_PENALTY = {"gates": Nonnegativity(1 / 11) + UnitL1Norm(10 / 11)}
MODE_ENERGY = 0.5


@functools.cache
def toy_and_full():
    tasks = axis_aligned(2, 10, 20)
    start = GatedLinear(jnp.array([0.5, 0.5]), jnp.array([[0.01, 0.0], [0.0, 0.01]])[:, :, None])
    curriculum = alternating(2, 20, 1.0)
    toy = toy_flow(PUBLISHED_TIMES, PUBLISHED_PENALTY, MODE_ENERGY)
    half_scaled = GradientFlow(toy_tasks(), toy.time_constants, PUBLISHED_PENALTY)
    full = GradientFlow(tasks, PUBLISHED_TIMES, PUBLISHED_PENALTY)
    run = functools.partial(records_of_gates_and_loss, curriculum=curriculum)
    return run(toy, start), run(half_scaled, start), run(full, mode_aligned(start, tasks))


def records_of_gates_and_loss(system, network, curriculum):
    recorded = {name: RECORDED[name] for name in ("gates", "loss")}
    method = FixedSteps(max_step=0.01)
    return simulate(
        system,
        curriculum,
        system.initial_state(network),
        method=method,
        observables=recorded,
        records_per_block=9,
    ).values


@pytest.mark.slow
def test_aligned_full_model_is_the_toy_with_time_constant_and_penalty_rescaled():
    toy, _, full = toy_and_full()
    np.testing.assert_allclose(full["gates"], toy["gates"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(full["loss"], MODE_ENERGY * toy["loss"], rtol=0, atol=1e-12)


@pytest.mark.slow
def test_rescaling_the_time_constant_alone_changes_the_gates():
    toy, half_scaled, _ = toy_and_full()
    # The published code does this; 0.121 is measured at the ten records per block.
    assert float(jnp.max(jnp.abs(toy["gates"] - half_scaled["gates"]))) == pytest.approx(0.121, abs=0.002)


def on_the_symmetric_manifold(gate_difference, weight_difference):
    own, other = 0.5 * (1 + weight_difference), 0.5 * (1 - weight_difference)
    gates = 0.5 * jnp.array([1 + gate_difference, 1 - gate_difference])
    return GatedLinear(gates, jnp.array([[own, other], [other, own]])[:, :, None])


@pytest.mark.slow
def test_toy_approaches_the_symmetric_system_as_the_norm_stiffens():
    network, curriculum = on_the_symmetric_manifold(-0.5, 0.8), sequence([0], [0.3], 2)
    limit = Symmetric(TIME_CONSTANTS)
    expected = records(limit, network, curriculum, diffrax.Heun(), 0.001)["gates"]
    assert float(jnp.min(expected)) > 0.05

    def gap(k):
        toy = toy_flow(TIME_CONSTANTS, {"gates": UnitL1Norm(k)})
        return float(jnp.max(jnp.abs(records(toy, network, curriculum, step=0.001)["gates"] - expected)))

    gaps = [gap(k) for k in (10.0, 20.0, 40.0)]
    assert gaps[0] < 0.1
    assert gaps[0] / gaps[1] == pytest.approx(2, abs=0.25)
    assert gaps[1] / gaps[2] == pytest.approx(2, abs=0.25)


@pytest.mark.slow
def test_symmetric_system_stops_at_its_bounds_as_the_toy_does():
    network, curriculum = on_the_symmetric_manifold(-0.5, 0.8), alternating(2, 3, 3.0)
    limit = records(Symmetric(TIME_CONSTANTS), network, curriculum, diffrax.Heun(), 0.001)["gates"]
    toy = toy_flow(TIME_CONSTANTS, {"gates": Nonnegativity(400.0) + UnitL1Norm(400.0)})
    stiff = records(toy, network, curriculum, step=0.001)["gates"]
    # The second block takes it to the bound, which a step of 0.001 oversteps by 9e-6; 1/k of the norm gives 4e-5.
    np.testing.assert_allclose(limit[4], [0.0, 1.0], rtol=0, atol=2e-5)
    np.testing.assert_allclose(stiff, limit, rtol=0, atol=1e-4)


D_OUT, D_IN = 10, 20


@functools.cache
def noise_setting():
    tasks = orthogonal(jax.random.key(0), 2, D_OUT, D_IN)
    flow = GradientFlow(tasks, TIME_CONSTANTS, PUBLISHED_PENALTY)
    # Students at zero make the error the teacher, all of whose singular values are equal.
    silent = GatedLinear(jnp.array([0.5, 0.5]), jnp.zeros((2, D_OUT, D_IN)))
    return flow, silent, jnp.array([1.0, 0.0])


@functools.cache
def gradient_noise(batch_size, draws=2000):
    """Relative Frobenius noise of the weight gradient and relative deviation of the batch loss."""
    flow, network, task = noise_setting()
    exact, loss = flow.vector_field(0.0, network, task), flow.loss(network, task)

    @jax.jit
    def measure(key):
        online = OnlineSGD(flow, key, batch_size)
        state = online.initial_state(network)
        rate = direction(online, state, task)
        off = jnp.sum((rate.network.weights - exact.weights) ** 2) / jnp.sum(exact.weights**2)
        return off, (online.batch_loss(state, task) / loss - 1) ** 2

    off, spread = jax.lax.map(measure, jax.random.split(jax.random.key(1), draws), batch_size=50)
    return float(jnp.sqrt(jnp.mean(off))), float(jnp.sqrt(jnp.mean(spread)))


@pytest.mark.slow
def test_batch_noise_has_its_predicted_size():
    noise, spread = gradient_noise(200)
    # 2000 draws: the relative sampling error of either deviation is below 2 percent (three of them here).
    assert noise == pytest.approx(math.sqrt((D_IN + 1) / 200), rel=0.02)
    assert spread == pytest.approx(math.sqrt(2 / (D_OUT * 200)), rel=0.06)


def test_batch_noise_falls_with_the_square_root_of_the_batch():
    rate = math.log(gradient_noise(200)[0] / gradient_noise(50, 500)[0]) / math.log(200 / 50)
    assert rate == pytest.approx(-0.5, abs=0.03)


def test_expected_update_is_the_euler_step_of_the_population():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    network, task, step = general_network(), jnp.array([0.3, 0.7]), jnp.asarray(0.05)

    def update(key):
        online = OnlineSGD(flow, key, batch_size=20)
        return online.update(online.initial_state(network), task, step).network

    draws = jax.jit(jax.vmap(update))(jax.random.split(jax.random.key(2), 20_000))
    rate = flow.vector_field(0.0, network, task)
    euler = jax.tree.map(lambda x, v: x + step * v, network, rate)
    for group in ("gates", "weights"):
        drawn = getattr(draws, group)
        standard_error = jnp.std(drawn, axis=0) / math.sqrt(drawn.shape[0])
        off = jnp.abs(jnp.mean(drawn, axis=0) - getattr(euler, group)) / standard_error
        assert float(jnp.max(off)) < 4.0  # 21 means of 20,000 draws each
        assert float(jnp.min(standard_error)) < 2e-4


def test_coloured_batches_have_the_given_covariance():
    root = jnp.array([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, -0.4, 0.3]])
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, input_covariance=root @ root.T)
    network, task = general_network(), jnp.array([1.0, 0.0])
    online = OnlineSGD(flow, jax.random.key(4), batch_size=100_000)
    batch_loss = online.batch_loss(online.initial_state(network), task)
    assert float(batch_loss) == pytest.approx(float(flow.loss(network, task)), rel=0.02)


@pytest.mark.representatives(2)
@pytest.mark.parametrize("rule", [optax.trace(0.9), optax.scale_by_adam(), optax.clip_by_global_norm(0.5)])
def test_other_update_rules_fit_in(rule):
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    online = OnlineSGD(flow, jax.random.key(5), batch_size=50, rule=rule)
    state = online.initial_state(general_network())
    method = Updates(max_step=0.01)
    with jax.numpy_dtype_promotion("standard"):  # Optax mixes integer counts with floats
        trajectory = simulate(online, sequence([0], [3.0], 2), state, method=method, observables=RECORDED)
    assert bool(trajectory.result == RESULTS.successful)
    assert trajectory.values["loss"][-1] < 0.2 * trajectory.values["loss"][0]


def test_momentum_remembers_the_last_gradient():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS)
    plain = OnlineSGD(flow, jax.random.key(6), batch_size=10)
    heavy = OnlineSGD(flow, jax.random.key(6), batch_size=10, rule=optax.trace(0.9))
    network, task, step = general_network(), jnp.array([1.0, 0.0]), jnp.asarray(0.01)
    first = heavy.update(heavy.initial_state(network), task, step)
    second = heavy.update(first, task, step)
    # The second plain update from the same place, and 0.9 of the first move on top.
    alone = plain.update(eqx.tree_at(lambda s: (s.network, s.key), plain.initial_state(network),
                                     (first.network, first.key)), task, step)  # fmt: skip
    expected = alone.network.weights + 0.9 * (first.network.weights - network.weights)
    np.testing.assert_allclose(second.network.weights, expected, rtol=0, atol=1e-14)


def test_one_euler_step_is_the_published_update():
    tasks, network, h = general_tasks(), general_network(), 0.05
    nn, l1, column = 0.3, 1.5, 0.4
    penalties = {"gates": Nonnegativity(nn) + UnitL1Norm(l1), "weights": ColumnL2(column)}
    network = GatedLinear(network.gates.at[1].multiply(-1.0), network.weights)
    flow = GradientFlow(tasks, TIME_CONSTANTS, penalties)
    method = FixedSteps(diffrax.Euler(), h)
    after = simulate(flow, sequence([1], [h], 2), network, method=method, observables={}).final_state
    c, w, teacher = (np.asarray(x) for x in (network.gates, network.weights, tasks.teachers[1]))
    error = teacher - sum(c[p] * w[p] for p in range(3))
    drive = np.array([np.sum(w[p] * error) for p in range(3)])
    gate_gradient = -drive - nn * (c < 0) + l1 * (np.sum(np.abs(c)) - 1) * np.sign(c)
    norms = np.sqrt(np.sum(w**2, axis=1, keepdims=True))
    weight_gradient = -c[:, None, None] * error + column * w / (3 * w.shape[2] * norms)
    np.testing.assert_allclose(after.gates, c - h / 0.3 * gate_gradient, rtol=0, atol=1e-14)
    np.testing.assert_allclose(after.weights, w - h / 1.1 * weight_gradient, rtol=0, atol=1e-14)
