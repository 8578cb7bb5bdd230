"""Heun's step with many gates: order through kinks, agreement with splitting, small starts, stiff penalties."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import DeepOrderParameters, GradientFlow, OnlineSGD, OrderParameters, Symmetric
from ntadyn.interface import EventSearch
from ntadyn.networks import DeepLinear, GatedLinear
from ntadyn.regularizers import ColumnL2, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.simulation import FixedSteps, Updates, method_for, observables, simulate
from ntadyn.solvers import SlidingHeun, Splitting
from ntadyn.solvers.sliding import through_zero
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import orthogonal
from tests.systems import KINKED, ON_SPHERE, TIME_CONSTANTS, general_network, general_tasks, symmetric_network

TASKS, CURRICULUM, BLOCK = general_tasks(), alternating(2, 4, 0.7), 0.7
FAST_GATES = {"gates": 0.1, "weights": 1.1}
RECORDED = {"gates": observables.gates}
ROUNDING = 1e-14


def small_two_layers():
    """Four hidden units of either sign, of which some cross zero, slide along it, and leave it again."""
    keys = jax.random.split(jax.random.key(3))
    return DeepLinear(0.3 * jax.random.normal(keys[0], (4, 2)), 0.5 * jax.random.normal(keys[1], (4, 3)))


PROBLEMS = {
    "two layers on the sphere": (ON_SPHERE, small_two_layers),
    "two layers of unit sum": (KINKED, small_two_layers),
    "three paths": (KINKED, general_network),
}


def gates_of(penalty, network, steps, solver):
    flow = GradientFlow(TASKS, FAST_GATES, {"gates": penalty})
    method = FixedSteps(solver, BLOCK / 4 / steps)
    values = simulate(flow, CURRICULUM, network, method=method, observables=RECORDED, records_per_block=3).values
    return np.asarray(values["gates"])


@pytest.fixture(scope="module", params=PROBLEMS)
def problem(request):
    penalty, made = PROBLEMS[request.param]
    network = made()
    return penalty, network, gates_of(penalty, network, 2048, SlidingHeun())


@pytest.mark.representatives(1)
def test_second_order_through_kinks(problem):
    penalty, network, reference = problem
    assert np.sum(reference == 0) > 5  # slides
    assert np.sum(reference < 0) > 5  # and crosses
    errors = [np.max(np.abs(gates_of(penalty, network, steps, SlidingHeun()) - reference)) for steps in (64, 128, 256)]
    # Kinks met inside a step cost a fraction of an order at single steps, not over two halvings.
    assert 1.7 < np.log2(errors[0] / errors[2]) / 2 < 2.4, errors


@pytest.mark.representatives(1)
@pytest.mark.slow
def test_splitting_goes_through_the_same_kinks(problem):
    penalty, network, reference = problem
    other = gates_of(penalty, network, 256, Splitting(EventSearch(max_pieces=12)))
    # Errors of the splitting step, of order two: 7e-6 at twice this step, a quarter of it here.
    np.testing.assert_allclose(other, reference, rtol=0, atol=5e-6)
    np.testing.assert_array_equal(other == 0, reference == 0)


def test_plain_heun_loses_an_order_at_kinks():
    penalty, network = ON_SPHERE, small_two_layers()
    reference = gates_of(penalty, network, 2048, SlidingHeun())
    plain, sliding = (np.max(np.abs(gates_of(penalty, network, 256, solver) - reference))
                      for solver in (diffrax.Heun(), SlidingHeun()))  # fmt: skip
    assert plain > 100 * sliding


@pytest.mark.slow
def test_without_a_penalty_it_is_heuns_step():
    network, curriculum = general_network(), alternating(2, 1, 0.2)
    flow = GradientFlow(TASKS, TIME_CONSTANTS)
    one, other = (simulate(flow, curriculum, network, method=FixedSteps(solver, 0.02), observables=RECORDED).final_state
                  for solver in (SlidingHeun(), diffrax.Heun()))  # fmt: skip
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(
    ("gate", "above", "below", "expected"),
    [
        (0.3, -0.5, 0.2, 0.05),  # on its way
        (0.2, -0.5, 0.2, 0.0),  # arrives after 0.4 and is held
        (0.2, -0.5, -0.1, -0.01),  # arrives after 0.4 and goes on, slower
        (-0.2, 0.1, 0.5, 0.01),
        (-0.2, -0.1, 0.5, 0.0),
        (0.0, -0.5, 0.2, 0.0),  # held from the start
        (0.0, 0.4, 0.2, 0.2),  # let go
        (0.0, -0.5, -0.4, -0.2),
        (0.0, 0.4, -0.1, 0.2),  # repelled to the side that pulls more
        (0.0, 0.1, -0.4, -0.2),
        (0.0, 0.3, -0.3, 0.0),  # the tie rule
    ],
)
def test_a_single_gate_goes_through_zero_exactly(gate, above, below, expected):
    arrays = [jnp.asarray([value]) for value in (gate, above, below)]
    assert float(through_zero(*arrays, jnp.asarray(0.5))[0]) == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.slow
def test_a_small_random_start_is_resolved():
    # Gates of 0.002 that the hinge moves at speed 20: a step of 1e-3 is ten times what it takes to cross any of them.
    tasks = orthogonal(jax.random.key(0), 2, 2, 4)
    system = GradientFlow(tasks, {"gates": 0.01, "weights": 0.06}, {"gates": Nonnegativity(0.2) + UnitL2Norm(0.2)})
    network = DeepLinear.initialise(jax.random.key(1), (6, 2, 4), scale=0.004)
    curriculum = alternating(2, 1, 0.2)
    coarse, fine = (simulate(system, curriculum, network, method=FixedSteps(SlidingHeun(), step), observables=RECORDED,
                             records_per_block=9).values["gates"] for step in (1e-3, 1e-5))  # fmt: skip
    assert float(jnp.max(jnp.abs(fine[0]))) < 0.005
    assert float(jnp.max(fine)) > 0.4
    # Without the division of early steps this is 5e-3.
    np.testing.assert_allclose(coarse, fine, rtol=0, atol=1e-3)


@pytest.mark.slow
def test_penalties_that_many_gates_make_stiff_are_resolved():
    # The sum of 20 gates relaxes at the rate 20 * 30 / 0.3: a step of 0.02 is twenty times the bound of explicit steps.
    network = general_network(DeepLinear, paths=10)
    network = eqx.tree_at(lambda net: net.gates, network, network.gates / 10)
    system = GradientFlow(TASKS, TIME_CONSTANTS, {"gates": Nonnegativity(0.3) + UnitL1Norm(30.0)})
    run = lambda step: simulate(system, alternating(2, 1, 0.4), network, method=FixedSteps(SlidingHeun(), step),  # noqa: E731
                                observables=RECORDED, records_per_block=3).values["gates"]  # fmt: skip
    coarse, fine = run(0.02), run(0.0002)
    assert float(jnp.abs(jnp.sum(jnp.abs(fine[-1])) - 1)) < 0.1
    np.testing.assert_allclose(coarse, fine, rtol=0, atol=1e-3)


def suited(system, network):
    method = method_for(system, system.initial_state(network))
    return type(method.solver) if hasattr(method, "solver") else type(method)


def test_the_solver_that_suits_a_system():
    flow = GradientFlow(TASKS, TIME_CONSTANTS, {"gates": KINKED})
    few, many = general_network(), general_network(DeepLinear, 17)
    assert suited(flow, few) is Splitting
    assert suited(flow, many) is SlidingHeun
    assert suited(DeepOrderParameters(TASKS, TIME_CONSTANTS, {"gates": KINKED}), many) is SlidingHeun
    assert suited(OrderParameters(TASKS, TIME_CONSTANTS, {"gates": KINKED}), general_network(paths=40)) is SlidingHeun
    assert suited(DeepOrderParameters(TASKS, TIME_CONSTANTS), general_network(DeepLinear, 4)) is Splitting
    # Smooth, and with too many gates for the one.
    smooth = GradientFlow(TASKS, TIME_CONSTANTS)
    assert suited(smooth, many) is diffrax.Tsit5
    assert type(method_for(smooth, many, 0.01).solver) is diffrax.Tsit5, "what is asked for is the step alone"
    # Which would refuse it.
    assert (
        suited(GradientFlow(TASKS, TIME_CONSTANTS, {"weights": ColumnL2(1.0)}), general_network(paths=40)) is Splitting
    )
    assert suited(OnlineSGD(flow, jax.random.key(0)), few) is Updates
    assert suited(Symmetric(TIME_CONSTANTS), symmetric_network()) is Splitting


def test_refusals_say_what_to_do():
    method, symmetric = FixedSteps(SlidingHeun(), 0.01), Symmetric(TIME_CONSTANTS)
    penalised = GradientFlow(TASKS, TIME_CONSTANTS, {"weights": ColumnL2(1.0)})
    state = symmetric.initial_state(symmetric_network())
    with pytest.raises(ValueError, match=r"Symmetric is not one. Pass another solver"):
        simulate(symmetric, CURRICULUM, state, method=method)
    with pytest.raises(ValueError, match=r"penalty on its weights.*Pass Splitting\(\)"):
        simulate(penalised, CURRICULUM, general_network(GatedLinear), method=method)
