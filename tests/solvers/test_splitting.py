"""Order, exactness and agreement of the splitting step."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OrderParameters
from ntadyn.interface import EventSearch
from ntadyn.networks import GatedLinear, NeuronGatedLinear
from ntadyn.regularizers import ColumnL2, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.simulation import Adaptive, FixedSteps, observables, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.solvers import Splitting
from ntadyn.tasks.curricula import alternating, sequence
from tests.systems import KINKED, TIME_CONSTANTS, covariance, general_network, general_tasks

ROUNDING = 1e-12
RECORDED = {"gates": observables.gates, "loss": observables.loss}
SMOOTH = UnitL2Norm(0.5)


def run(system, curriculum, network, step, solver=None):
    method = FixedSteps(Splitting() if solver is None else solver, step)
    return simulate(system, curriculum, system.initial_state(network), method=method, observables=RECORDED)


def final_gates(system, curriculum, network, step, solver=None):
    return run(system, curriculum, network, step, solver).values["gates"][-1]


def measured_order(errors_by_step):
    """Slope of the last halving."""
    coarse, fine = errors_by_step[-2:]
    return float(np.log2(coarse / fine))


def orders(system, curriculum, network, steps, reference):
    errors = [float(jnp.max(jnp.abs(final_gates(system, curriculum, network, h) - reference))) for h in steps]
    return measured_order(errors), errors


def coloured(tasks, taus, penalties):
    return GradientFlow(tasks, taus, penalties, covariance())


SMOOTH_STRETCHES = {
    "two paths": (OrderParameters, GatedLinear, 2, {"gates": KINKED}),
    "three paths": (OrderParameters, GatedLinear, 3, {"gates": KINKED}),
    "gates per neuron": (GradientFlow, NeuronGatedLinear, 2, {"gates": KINKED}),
    "coloured inputs": (coloured, GatedLinear, 2, {"gates": KINKED}),
    "norm on the sphere": (GradientFlow, GatedLinear, 2, {"gates": SMOOTH}),
    "penalty on weights": (GradientFlow, GatedLinear, 2, {"gates": KINKED, "weights": ColumnL2(0.5)}),
}


QUICK = ("coloured inputs", "penalty on weights")


@pytest.mark.representatives(1)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in SMOOTH_STRETCHES]
)
def test_second_order_where_gates_are_positive_and_equal_to_tsit5(name):
    make, kind, paths, penalties = SMOOTH_STRETCHES[name]
    system = make(general_tasks(), TIME_CONSTANTS, penalties)
    network, curriculum = general_network(kind, paths), alternating(2, 1, 0.1)
    adaptive = simulate(
        system,
        curriculum,
        system.initial_state(network),
        method=Adaptive(rtol=1e-11, atol=1e-12),
        observables=RECORDED,
    )
    assert bool(adaptive.result == RESULTS.successful)
    assert float(jnp.min(adaptive.values["gates"])) > 0
    reference = adaptive.values["gates"][-1]
    order, errors = orders(system, curriculum, network, [0.01, 0.005, 0.0025], reference)
    assert 1.85 < order < 2.15, (order, errors)
    fine = final_gates(system, curriculum, network, 5e-5)
    np.testing.assert_allclose(fine, reference, rtol=0, atol=1e-7)


def specialised(paths):
    """One gate open, the others held at zero by the hinge, students near their teachers."""
    tasks = general_tasks()
    students = jnp.concatenate([tasks.teachers, 0.3 * tasks.teachers[:1]])[:paths]
    gates = jnp.array([1.2, 0.0, 0.0][:paths])
    return tasks, GatedLinear(gates, 0.9 * students)


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("paths", [2, 3])
def test_order_while_a_gate_slides(paths):
    tasks, network = specialised(paths)
    system = OrderParameters(tasks, TIME_CONSTANTS, {"gates": Nonnegativity(2.0) + UnitL1Norm(3.0)})
    curriculum = sequence([0], [0.4], 2)
    reference = final_gates(system, curriculum, network, 0.4 / 4096)
    assert reference[-1] == 0.0  # held all along
    order, errors = orders(system, curriculum, network, [0.4 / 16, 0.4 / 32, 0.4 / 64], reference)
    assert 1.85 < order < 2.15, (order, errors)


@pytest.mark.representatives(1)
@pytest.mark.parametrize("paths", [2, 3])
def test_order_through_arrivals_and_releases(paths):
    system = OrderParameters(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    network, curriculum = general_network(paths=paths), alternating(2, 4, 2.0)
    values = {n: run(system, curriculum, network, 2.0 / n).values["gates"] for n in (128, 256, 512, 4096)}
    assert float(jnp.min(values[4096])) <= 0.0
    errors = [float(jnp.max(jnp.abs(values[n] - values[4096]))) for n in (128, 256, 512)]
    # Kinks met inside a step cost a fraction of an order at single steps, not over several halvings.
    assert float(np.log2(errors[0] / errors[-1])) / 2 > 1.7, errors


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("row_resolved", [False, True])
def test_weight_space_and_order_parameters_take_the_same_steps(row_resolved):
    tasks, network, curriculum = general_tasks(), general_network(), alternating(2, 3, 1.0)
    flows = (GradientFlow(tasks, TIME_CONSTANTS, {"gates": KINKED}),
             OrderParameters(tasks, TIME_CONSTANTS, {"gates": KINKED}, row_resolved=row_resolved))  # fmt: skip
    left, right = (run(flow, curriculum, network, 0.02).values for flow in flows)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=ROUNDING), left, right)


def test_explicit_euler_converges_to_the_same_solution_at_first_order():
    system = OrderParameters(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    network, curriculum = general_network(paths=2), alternating(2, 1, 0.2)
    reference = final_gates(system, curriculum, network, 1e-4)
    values = [final_gates(system, curriculum, network, h, diffrax.Euler()) for h in (0.004, 0.002, 0.001)]
    errors = [float(jnp.max(jnp.abs(value - reference))) for value in values]
    assert 0.9 < measured_order(errors) < 1.1, errors


@pytest.mark.slow
def test_each_factor_is_stable_at_any_step():
    # A gate a million times faster than the step: explicit steps would be at 1e6 times their bound of stability.
    system = OrderParameters(general_tasks(), {"gates": 1e-7, "weights": 1.1}, {"gates": KINKED})
    gates = run(system, alternating(2, 2, 1.0), general_network(paths=2), 0.1).values["gates"]
    assert bool(jnp.all(jnp.isfinite(gates)))
    assert float(jnp.max(jnp.abs(gates))) < 3.0


@pytest.mark.slow
def test_weights_alone_relax_exactly_in_one_step():
    # Frozen gates (a huge time constant): total map error decays as exp(-|c|^2 t / tau_W), whatever the step.
    system = GradientFlow(general_tasks(), {"gates": 1e12, "weights": 1.1})
    network, curriculum = general_network(), alternating(2, 1, 2.0)
    state = simulate(system, curriculum, network, method=FixedSteps(max_step=2.0), observables={}).final_state
    error = lambda net: net.total_map() - system.tasks.teachers[0]  # noqa: E731
    decay = jnp.exp(-jnp.sum(network.gates**2) * 2.0 / 1.1)
    np.testing.assert_allclose(error(state), decay * error(network), rtol=0, atol=1e-10)


@pytest.mark.slow
def test_columns_pruned_by_the_weight_penalty_stay_at_exact_zero():
    # Nothing drives the columns of inputs that no teacher uses; the group lasso takes them to zero in finite time.
    tasks = eqx.tree_at(lambda t: t.teachers, general_tasks(), general_tasks().teachers.at[:, :, 2].set(0.0))
    system = GradientFlow(tasks, TIME_CONSTANTS, {"weights": ColumnL2(4.0)})
    state = simulate(system, alternating(2, 2, 4.0), general_network(), method=FixedSteps(max_step=0.02)).final_state
    np.testing.assert_array_equal(state.weights[:, :, 2], 0.0)
    assert bool(jnp.all(jnp.isfinite(state.weights)))


def test_refusals_say_what_to_do():
    with pytest.raises(ValueError, match="at least one piece"):
        EventSearch(max_pieces=0)


class OneByOne(Splitting):
    """The same steps, of which nothing is known: they are not taken in a row."""


class Waiting(Splitting):
    """Steps that move nothing."""

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        return y0, None, {"y0": y0, "y1": y0}, None, diffrax.RESULTS.successful


@pytest.mark.slow
def test_steps_in_a_row_are_the_steps_one_by_one():
    system = OrderParameters(general_tasks(2), TIME_CONSTANTS, {"gates": KINKED})
    curriculum, network = alternating(2, 4, 1.0), general_network(paths=2)
    in_a_row, one_by_one = (run(system, curriculum, network, 0.02, solver()) for solver in (Splitting, OneByOne))
    assert np.any(np.asarray(in_a_row.values["gates"]) < 0)  # through a kink
    for name in RECORDED:
        np.testing.assert_allclose(in_a_row.values[name], one_by_one.values[name], rtol=0, atol=1e-10)


@pytest.mark.parametrize("reverse_steps", [None, 60])
def test_a_subclass_makes_its_own_steps(reverse_steps):
    system = OrderParameters(general_tasks(2), TIME_CONSTANTS, {"gates": KINKED})
    state = system.initial_state(general_network(paths=2))
    method = FixedSteps(Waiting(), 0.02, reverse_steps=reverse_steps)
    found = simulate(system, alternating(2, 2, 1.0), state, method=method, observables=RECORDED)
    np.testing.assert_array_equal(found.values["gates"], np.broadcast_to(state.gates, found.values["gates"].shape))
