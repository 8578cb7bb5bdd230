"""The two-layer network: its exact reductions, its conservation law, its closed forms, and batches as they grow."""

import functools

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import DeepOrderParameters, GradientFlow, OnlineSGD, OrderParameters
from ntadyn.metrics import GateWeightSeries, layer_invariant, layer_residual, row_cosines
from ntadyn.networks import DeepLinear, GatedLinear
from ntadyn.regularizers import ColumnL2, UnitL2Norm
from ntadyn.simulation import Adaptive, FixedSteps, Updates, observables, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.solvers import SlidingHeun, Splitting
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import orthogonal
from tests.systems import KINKED, ON_SPHERE, TIME_CONSTANTS, covariance, general_network, general_tasks, parameters

CLOSURE = 1e-10  # the bar set for reductions over whole runs; fields agree to rounding
ROUNDING = 1e-13
RECORDED = {name: getattr(observables, name) for name in ("gates", "loss", "student_overlaps", "row_similarity")}
CURRICULUM = alternating(2, 3, 0.7)
TASK = jnp.asarray([0.3, 0.7])


@functools.cache
def network():
    """Both layers of either sign."""
    keys = jax.random.split(jax.random.key(3))
    return DeepLinear(0.3 * jax.random.normal(keys[0], (4, 2)), 0.5 * jax.random.normal(keys[1], (4, 3)))


def recorded(system, start, solver, step=0.02, curriculum=CURRICULUM, observables=RECORDED, **options):
    state = system.initial_state(start)
    method = FixedSteps(solver, step)
    trajectory = simulate(system, curriculum, state, method=method, observables=observables, **options)
    assert bool(trajectory.result == RESULTS.successful)
    return trajectory.values


def assert_trees_close(left, right, atol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=atol), left, right)


@pytest.mark.slow
def test_the_closure_moves_like_the_flow_that_it_reduces():
    flow, closure = (kind(general_tasks(), TIME_CONSTANTS, {"gates": ON_SPHERE})
                     for kind in (GradientFlow, DeepOrderParameters))  # fmt: skip
    rates = parameters(flow.vector_field(0.0, network(), TASK))
    _, expected = jax.jvp(closure.initial_state, (network(),), (rates,))
    assert_trees_close(closure.vector_field(0.0, closure.initial_state(network()), TASK), expected, ROUNDING)


@pytest.mark.slow
def test_a_run_of_the_closure_is_a_run_of_the_flow():
    flow, closure = (kind(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
                     for kind in (GradientFlow, DeepOrderParameters))  # fmt: skip
    full, reduced = (recorded(system, network(), Splitting()) for system in (flow, closure))
    assert float(jnp.min(full["gates"])) < 0
    assert bool(jnp.any(full["gates"] == 0))
    assert_trees_close(reduced, full, CLOSURE)


@pytest.mark.slow
def test_with_one_output_it_is_the_gated_network():
    tasks = general_tasks(d_out=1)
    gates, weights = network().gates[:, :1], network().weights
    flow = GradientFlow(tasks, TIME_CONSTANTS, {"gates": KINKED})
    deep = recorded(flow, DeepLinear(gates, weights), SlidingHeun())
    gated = recorded(flow, GatedLinear(gates[:, 0], weights[:, None]), SlidingHeun())
    np.testing.assert_allclose(deep.pop("gates")[..., 0], gated.pop("gates"), rtol=0, atol=CLOSURE)
    assert_trees_close(deep, gated, CLOSURE)


def invariants(system, state, task):
    del task
    students = state.weights @ state.weights.T
    tau_2, tau_1 = (system.time_constants[name] for name in ("gates", "weights"))
    penalty = system.gate_penalty().gradient(state.gates)
    return layer_invariant(state.gates, students, tau_2, tau_1), state.gates, students, penalty


@pytest.mark.slow
def test_the_balance_of_the_layers_is_conserved_for_any_inputs_and_tasks():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, input_covariance=covariance())
    values = recorded(flow, network(), diffrax.Tsit5(), 0.01, observables={"all": invariants})
    balance, gates, *_ = values["all"]
    assert float(jnp.max(jnp.abs(gates[-1] - gates[0]))) > 0.1
    # The solver's error at this step, of order five.
    np.testing.assert_allclose(balance, jnp.broadcast_to(balance[:1], balance.shape), rtol=0, atol=1e-9)


@pytest.mark.slow
def test_a_penalty_changes_the_balance_by_what_the_law_says():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": ON_SPHERE})
    start = general_network(DeepLinear, paths=4)
    curriculum, observables = alternating(2, 1, 0.4), {"all": invariants}
    values = recorded(flow, start, diffrax.Tsit5(), 0.01, curriculum, observables, records_per_block=399)
    balance, gates, students, penalty = values["all"]
    assert float(jnp.min(gates)) > 0
    assert float(jnp.max(jnp.abs(balance[-1] - balance[0]))) > 0.05
    series = GateWeightSeries(jnp.linspace(0, 0.4, 401), gates, students, penalty)
    # The trapezoid rule over records 1e-3 apart errs by 1e-7 or so.
    residual = layer_residual(series, TIME_CONSTANTS["gates"], TIME_CONSTANTS["weights"])
    np.testing.assert_allclose(residual, 0.0, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [GradientFlow, DeepOrderParameters])
def test_frozen_gates_let_the_first_layer_relax_in_closed_form(kind):
    # A semigroup whose derivative at zero is the field is its flow.
    extra = {"input_covariance": covariance()} if kind is GradientFlow else {}
    system = kind(general_tasks(), TIME_CONSTANTS, **extra)
    state, far, near = system.initial_state(network()), jnp.asarray(0.8), jnp.asarray(0.5)
    relax = lambda state, duration: system.relax_weights(state, TASK, duration)  # noqa: E731
    assert_trees_close(relax(relax(state, near), far), relax(state, near + far), ROUNDING)
    _, rate = jax.jvp(lambda t: relax(state, t), (jnp.zeros(()),), (jnp.ones(()),))
    field = system.vector_field(0.0, state, TASK)
    assert_trees_close(rate, system.with_gates(field, jnp.zeros(field.gates.size)), ROUNDING)


@pytest.mark.slow
def test_batches_approach_the_euler_steps_of_the_population():
    tasks = orthogonal(jax.random.key(0), 2, 2, 4)
    # Without kinks, at which one step more or less on the other side would be a difference of its own.
    flow = GradientFlow(tasks, TIME_CONSTANTS, {"gates": UnitL2Norm(0.5)})
    start = general_network(DeepLinear, paths=4, d_in=4)
    exact = recorded(flow, start, diffrax.Euler(), observables={"gates": observables.gates})["gates"]

    def off(batch_size):
        online = OnlineSGD(flow, jax.random.key(7), batch_size)
        state = online.initial_state(start)
        values = simulate(
            online, CURRICULUM, state, method=Updates(0.02), observables={"gates": observables.gates}
        ).values
        return float(jnp.linalg.norm(values["gates"] - exact))

    few, many = off(100), off(10_000)
    assert many < 0.02
    # A hundredth of the variance, known from one run each.
    assert 3 < few / many < 30


def test_units_are_compared_with_all_rows_of_all_teachers():
    tasks = general_tasks()
    flow = GradientFlow(tasks, TIME_CONSTANTS)
    seen = observables.row_similarity(flow, network(), TASK)
    np.testing.assert_allclose(seen, row_cosines(tasks.teachers, network().weights), rtol=0, atol=ROUNDING)


@pytest.mark.slow
def test_adaptive_solvers_are_stopped_at_the_first_gate_below_zero():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": ON_SPHERE})
    trajectory = simulate(flow, CURRICULUM, network(), method=Adaptive(), observables=RECORDED)
    assert bool(trajectory.result == RESULTS.kink_met)


def test_many_units_get_the_solver_that_is_made_for_them():
    flow = GradientFlow(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    start = general_network(DeepLinear, paths=17)

    def program(method):
        run = functools.partial(simulate, flow, CURRICULUM, method=method, observables={})
        return str(eqx.filter_make_jaxpr(run)(start)[0])

    assert program(None) == program(FixedSteps(SlidingHeun()))


def test_reductions_refuse_networks_that_are_not_theirs():
    tasks = general_tasks()
    with pytest.raises(ValueError, match="got a DeepLinear. Pass a DeepLinear to DeepOrderParameters"):
        OrderParameters(tasks, TIME_CONSTANTS).initial_state(network())
    with pytest.raises(ValueError, match="got a GatedLinear, pass it to OrderParameters"):
        DeepOrderParameters(tasks, TIME_CONSTANTS).initial_state(general_network())
    with pytest.raises(ValueError, match="cannot be written in reduced variables; use GradientFlow"):
        DeepOrderParameters(tasks, TIME_CONSTANTS, {"weights": ColumnL2(1.0)})
