"""Steps resolve what the system does: the same in all units, for large and small starts, for few and many gates."""

import dataclasses

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OrderParameters, Symmetric
from ntadyn.interface import AbstractFlow, AbstractGatedFlow
from ntadyn.interface.rates import curvature, spectral_radius
from ntadyn.networks import DeepLinear, GatedLinear
from ntadyn.regularizers import Nonnegativity, UnitL1Norm, UnitL2Norm, smoothed
from ntadyn.simulation import Adaptive, FixedSteps, default_step, method_for, observables, simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import orthogonal
from tests.systems import CASES, KINKED, TIME_CONSTANTS, covariance, general_network, general_tasks, symmetric_network

FLOWS = {case.name: case for case in CASES if "online" not in case.name}
GATES = {"gates": observables.gates}
SAME = 1e-12


@dataclasses.dataclass(frozen=True)
class Change:
    """Factors under which a run stays the same, but for the unit of its time."""

    time: float = 1.0
    size: float = 1.0
    inputs: float = 1.0


def changed(system, network, change):
    """tau -> a v tau, R -> v s^2 R, W and W* -> s W, Sigma -> v Sigma, tau_c -> s^2 tau_c: time runs 1/a as fast."""
    factor = change.time * change.inputs
    taus = {"gates": factor * change.size**2, "weights": factor}
    taus = {name: tau * taus[name] for name, tau in system.time_constants.items()}
    of_energy = {"gates": change.inputs * change.size**2, "weights": change.inputs * change.size}
    penalties = {name: penalty.scaled(of_energy[name]) for name, penalty in system.penalties.items()}
    matrices = from_matrices(change.size * system.tasks.teachers)
    sigma = getattr(system, "input_covariance", None)
    if change.inputs != 1 or sigma is not None:
        matrix = jnp.eye(matrices.d_in) if sigma is None else sigma.matrix()
        system = GradientFlow(matrices, taus, penalties, change.inputs * matrix)
    elif isinstance(system, OrderParameters):
        system = OrderParameters(matrices, taus, penalties, system.row_resolved)
    elif isinstance(system, Symmetric):
        system = Symmetric(taus)
    else:
        system = type(system)(matrices, taus, penalties)
    return system, type(network)(network.gates, change.size * network.weights)


CHANGES = [
    pytest.param(Change(time=17.0), id="unit of time"),
    pytest.param(Change(size=30.0), id="unit of weights"),
    pytest.param(Change(inputs=100.0), id="unit of inputs"),
]


@pytest.mark.representatives(4)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", FLOWS)
def test_steps_and_rates_know_no_units(name, change):
    system, network = FLOWS[name].make(jnp.float64)
    if isinstance(system, Symmetric) and (change.size != 1 or change.inputs != 1):
        return  # whose teachers are one, and whose inputs are white
    if change.inputs != 1 and not isinstance(system, GradientFlow):
        return  # white inputs only
    other, rescaled = changed(system, network, change)
    state, same = system.initial_state(network), other.initial_state(rescaled)
    task = jnp.asarray([0.3, 0.7])
    assert default_step(other, same) == pytest.approx(change.time * default_step(system, state), rel=SAME)
    assert type(method_for(system, state)) is type(method_for(other, same))
    for rate in ("gates", "weights", "drive", "exchange", "fastest"):
        one, two = (getattr(item.rates(x, task), rate) for item, x in ((system, state), (other, same)))
        assert float(two) == pytest.approx(float(one) / change.time, rel=1e-9), rate
    one, two = system.fastest_rate(state, task), other.fastest_rate(same, task)
    assert float(two) == pytest.approx(float(one) / change.time, rel=1e-9)


@pytest.mark.representatives(2)
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name if name == "toy" else pytest.param(name, marks=pytest.mark.slow) for name in FLOWS],
)
def test_rates_bound_the_spectrum(name):
    system, network = FLOWS[name].make(jnp.float64)
    assert isinstance(system, AbstractGatedFlow)
    # Without penalties on weights, which the bound of an explicit step leaves out: such steps are not made for them.
    system = eqx.tree_at(
        lambda item: item.penalties, system, {k: v for k, v in system.penalties.items() if k == "gates"}
    )
    for scale in (0.1, 1.0, 10.0):
        state = (
            system.initial_state(network)
            if isinstance(system, Symmetric)
            else system.initial_state(type(network)(network.gates, scale * network.weights))
        )
        task = jnp.asarray([1.0, 0.0])
        flat, unravel = jax.flatten_util.ravel_pytree(state)
        field = lambda x: jax.flatten_util.ravel_pytree(system.vector_field(0.0, unravel(x), task))[0]  # noqa: B023, E731
        exact = np.max(np.abs(np.linalg.eigvals(np.asarray(jax.jacfwd(field)(flat)))))
        bound = float(system.fastest_rate(state, task))
        assert exact <= bound * (1 + 1e-9)
        assert bound < 8 * exact
        estimate = float(spectral_radius(lambda y: system.vector_field(0.0, y, task), state))  # noqa: B023
        assert estimate == pytest.approx(exact, rel=0.2)


@pytest.mark.representatives(1)
@pytest.mark.parametrize("penalty", [UnitL1Norm(2.0), UnitL2Norm(2.0), smoothed(Nonnegativity(0.3), 0.01)])
def test_the_curvature_of_a_penalty_is_that_of_its_stiffest_direction(penalty):
    gates = jnp.asarray([0.4, -0.3, 0.002, 0.6, 0.1])
    hessian = jax.hessian(penalty.energy)(gates)
    assert float(curvature(penalty, gates)) == pytest.approx(
        float(jnp.max(jnp.abs(jnp.linalg.eigvalsh(hessian)))), rel=0.05
    )


def run(system, network, curriculum, **kwargs):
    return simulate(system, curriculum, system.initial_state(network), observables=GATES, **kwargs)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("units", "d_out", "size"), [pytest.param(200, 10, 1.0, marks=pytest.mark.slow), (12, 3, 4.0)])
def test_large_two_layer_starts_are_resolved(units, d_out, size):
    random = np.random.default_rng(0)
    gates = size * random.standard_normal((units, d_out))
    weights = size * random.standard_normal((units, 20)) / np.sqrt(20)
    system = GradientFlow(orthogonal(jax.random.key(0), 2, d_out, 20), {"gates": 1.0, "weights": 1.0})
    network = DeepLinear(jnp.asarray(gates), jnp.asarray(weights))
    loss = {"loss": observables.loss}
    for method in (None, method_for(system, network, default_step(system))):
        found = simulate(system, alternating(2, 2, 1.0), network, observables=loss, method=method).values["loss"]
        # One teacher is learnt, and the other as far from it as both are large: |W*_1 - W*_2|^2 / 2 = d_out / 20.
        np.testing.assert_allclose(found[1:], [0, d_out / 20, 0], rtol=0, atol=1e-5)


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("inputs", [1.0, 100.0])
def test_coloured_inputs_change_nothing_but_units(inputs):
    penalty = {"gates": KINKED.scaled(inputs)}
    taus = {"gates": 0.03 * inputs, "weights": inputs}
    system = GradientFlow(general_tasks(), taus, penalty, inputs * covariance())
    trajectory = run(system, general_network(), alternating(2, 2, 1.0), estimate_error=True)
    assert float(jnp.max(trajectory.error["gates"])) < 1e-3
    reference = GradientFlow(general_tasks(), {"gates": 0.03, "weights": 1.0}, {"gates": KINKED}, covariance())
    fine = run(reference, general_network(), alternating(2, 2, 1.0), method=FixedSteps(max_step=1e-4))
    np.testing.assert_allclose(trajectory.values["gates"], fine.values["gates"], rtol=0, atol=1e-3)


@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0])
def test_a_start_of_any_size_is_as_accurate(size):
    system = OrderParameters(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    network = general_network(paths=2)
    network = GatedLinear(network.gates * min(size, 5.0), size * network.weights)
    default = run(system, network, alternating(2, 2, 1.0)).values["gates"]
    fine = run(system, network, alternating(2, 2, 1.0), method=FixedSteps(max_step=default_step(system) / 32))
    assert bool(fine.result == RESULTS.successful)
    np.testing.assert_allclose(default, fine.values["gates"], rtol=0, atol=2e-3)


@pytest.mark.slow
def test_a_state_that_outgrows_the_teachers_divides_its_steps():
    # Teachers of almost nothing: steps chosen for them alone would be as long as the blocks.
    tasks = from_matrices(1e-4 * general_tasks().teachers)
    system = GradientFlow(tasks, TIME_CONSTANTS, {"gates": KINKED})
    default = run(system, general_network(), alternating(2, 2, 1.0)).values["gates"]
    fine = run(system, general_network(), alternating(2, 2, 1.0), method=FixedSteps(max_step=1e-3)).values["gates"]
    np.testing.assert_allclose(default, fine, rtol=0, atol=1e-3)


@pytest.mark.slow
def test_explicit_steps_stay_stable():
    system = GradientFlow(general_tasks(), {"gates": 0.001, "weights": 1.0}, {"gates": UnitL2Norm(1.0)})
    exact = run(system, general_network(), alternating(2, 2, 1.0), method=Adaptive()).values["gates"]
    # Twenty times the longest stable step.
    found = run(system, general_network(), alternating(2, 2, 1.0), method=FixedSteps(diffrax.Heun(), 0.02))
    assert bool(found.result == RESULTS.successful)
    np.testing.assert_allclose(found.values["gates"], exact, rtol=0, atol=1e-2)


def symmetric_gates(step):
    system, curriculum = Symmetric({"gates": 0.05, "weights": 1.0}), alternating(2, 4, 1.5)
    method = None if step is None else FixedSteps(max_step=step)
    records = {"recorded": lambda system, state, task: jnp.stack([state.gate_difference, state.weight_difference])}
    state = system.initial_state(symmetric_network())
    return simulate(system, curriculum, state, observables=records, method=method, records_per_block=9).values[
        "recorded"
    ]


@pytest.mark.slow
def test_bounded_gates_are_second_order():
    reference = symmetric_gates(1e-4)
    assert int(jnp.sum(jnp.abs(reference[:, 0]) == 1)) > 10  # held at the bound
    errors = [float(jnp.max(jnp.abs(symmetric_gates(step) - reference))) for step in (0.02, 0.01, 0.005)]
    assert np.log2(errors[0] / errors[2]) / 2 > 1.7, errors
    assert float(jnp.max(jnp.abs(symmetric_gates(None) - reference))) < 1e-3


VALUES = {"values": lambda system, state, task: jnp.stack(list(state.values()))}


class Filters(AbstractFlow):
    """tau_g dx_g/dt = a_1 - x_g: a rule of somebody's own, with a clock for every variable."""

    time_constants: dict
    num_tasks: int = 2

    def initial_state(self, network):
        return {name: jnp.zeros(()) for name in self.time_constants}

    def vector_field(self, t, state, task):
        return {name: (task[0] - value) / self.time_constants[name] for name, value in state.items()}

    def loss(self, state, task):
        return 0.5 * sum((task[0] - value) ** 2 for value in state.values())


@pytest.mark.representatives(1)
@pytest.mark.parametrize("method", [None, FixedSteps(diffrax.Heun())])
def test_a_rule_of_ones_own_is_resolved_whatever_its_time_constants(method):
    taus = {"fast": jnp.asarray(0.001), "middle": jnp.asarray(0.3), "slow": jnp.asarray(5.0)}
    system = Filters(taus)
    trajectory = simulate(system, alternating(2, 1, 1.0), system.initial_state(None), observables=VALUES, method=method)
    assert bool(trajectory.result == RESULTS.successful)
    exact = [1 - np.exp(-1 / float(tau)) for tau in taus.values()]
    np.testing.assert_allclose(trajectory.values["values"][-1], exact, rtol=0, atol=1e-5)


def test_an_explicit_step_that_is_given_is_divided_for_a_rule_of_ones_own():
    taus = {"fast": jnp.asarray(0.001), "slow": jnp.asarray(5.0)}
    system = Filters(taus)
    method = FixedSteps(diffrax.Heun(), 0.1)
    trajectory = simulate(system, alternating(2, 1, 1.0), system.initial_state(None), observables=VALUES, method=method)
    np.testing.assert_allclose(trajectory.values["values"][-1], [1, 1 - np.exp(-0.2)], rtol=0, atol=1e-4)
