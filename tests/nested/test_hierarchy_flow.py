"""The flow of a hierarchy of gates: its slopes, its closures, its closed forms, and what it conserves."""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OrderParameters
from ntadyn.interface.rates import spectral_radius
from ntadyn.nested import GateHierarchy, HierarchyFlow
from ntadyn.networks import GatedLinear
from ntadyn.simulation import Adaptive, FixedSteps, simulate
from ntadyn.tasks.curricula import alternating
from ntadyn.testing import check_system
from tests.systems import KINKED, TIME_CONSTANTS, general_tasks

TASK = jnp.array([0.6, 0.4])


def general_tree(branches):
    """Positive gates of all levels, no two alike, and weights of the size of the teachers."""
    network = GateHierarchy.initialise(jax.random.key(1), branches, (2, 3), scale=1.0)
    gates = [
        jax.random.uniform(jax.random.key(7 + i), level.shape, level.dtype, 0.5, 1.0)
        for i, level in enumerate((*network.contexts, network.gates))
    ]
    return GateHierarchy(tuple(gates[:-1]), gates[-1], network.weights)


def hierarchy(kind: Any = OrderParameters, branches=(2, 2), penalty: Any = KINKED):
    """The system, and a state of its own."""
    penalties = {} if penalty is None else {"gates": penalty}
    above = len(branches) - 1
    of_contexts = None if penalty is None else (penalty,) * above
    taus = tuple(0.7 * 2.0**level for level in range(above, 0, -1))
    system = HierarchyFlow(kind(general_tasks(), TIME_CONSTANTS, penalties), branches[:-1], taus, of_contexts)
    return system, system.initial_state(general_tree(branches))


def run(system, state, method, blocks=2, records=3):
    """Gates of all levels, and losses, along two blocks."""
    observables = {
        "levels": lambda system, state, task: system.levels(state),
        "loss": lambda s, x, task: s.loss(x, task),
    }
    curriculum = alternating(2, blocks, 0.7)
    found = simulate(system, curriculum, state, method=method, observables=observables, records_per_block=records)
    return found.values


def furthest(one, other):
    return max(float(jnp.max(jnp.abs(a - b))) for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True))


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("branches", [(2, 2), (2, 1, 3)])
def test_the_field_descends_the_energy_at_the_rate_of_every_level(branches):
    system, state = hierarchy(GradientFlow, branches)
    slope = jax.jit(jax.grad(system.energy))(state, TASK)
    field = system.vector_field(0.0, state, TASK)
    taus = system.time_constants
    for name, down, up in zip(system.context_names, field.contexts, slope.contexts, strict=True):
        np.testing.assert_allclose(down, -up / taus[name], atol=1e-14)
    np.testing.assert_allclose(field.paths.gates, -slope.paths.gates / taus["gates"], atol=1e-14)
    np.testing.assert_allclose(field.paths.weights, -slope.paths.weights / taus["weights"], atol=1e-14)


@pytest.mark.slow
def test_overlaps_close():
    """Exactly: trajectories on overlaps are those in weight space, at every step and through kinks."""
    runs = [run(*hierarchy(kind), FixedSteps(max_step=0.01)) for kind in (OrderParameters, GradientFlow)]
    assert furthest(*runs) < 1e-10


@pytest.mark.slow
def test_without_contexts_it_is_the_flat_network():
    system, state = hierarchy(branches=(4,))
    flat = system.paths.initial_state(GatedLinear(general_tree((4,)).gates, general_tree((4,)).weights))
    observables = {"loss": lambda system, state, task: system.loss(state, task), "gates": lambda s, x, task: s.gates(x)}
    found, expected = (
        simulate(one, alternating(2, 2, 0.7), start, method=FixedSteps(max_step=0.01), observables=observables).values
        for one, start in ((system, state), (system.paths, flat))
    )
    assert furthest(found, expected) < 1e-13


@pytest.mark.slow
@pytest.mark.parametrize("branches", [(2, 2), (2, 1, 2)])
def test_steps_are_of_second_order_where_nothing_meets_zero(branches):
    system, state = hierarchy(branches=branches, penalty=None)
    reference = run(system, state, Adaptive(rtol=1e-11, atol=1e-11))
    errors = [furthest(run(system, state, FixedSteps(max_step=h)), reference) for h in (0.02, 0.01)]
    assert errors[1] < 1e-4
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


@pytest.mark.slow
def test_kinks_are_followed():
    """Against an explicit solver, which errs by a step at every kink."""
    system, state = hierarchy()
    explicit = run(system, state, FixedSteps(diffrax.Heun(), 2e-4))
    assert furthest(run(system, state, FixedSteps(max_step=2e-3)), explicit) < 1e-3


@pytest.mark.slow
def test_differences_of_squares_are_conserved_along_every_branch():
    """tau_g g_k^2 - tau_c sum_p c_kp^2 and tau_c c_kp^2 - tau_W |W^kp|^2, without penalties and under any task."""
    system, state = hierarchy(GradientFlow, (2, 2), None)

    def invariants(system, state, task):
        del task
        (contexts,), gates, weights = state.contexts, state.paths.gates, state.paths.weights
        taus = system.time_constants
        upper = taus["contexts"] * contexts**2 - taus["gates"] * jnp.sum(gates.reshape(2, 2) ** 2, axis=1)
        lower = taus["gates"] * gates**2 - taus["weights"] * jnp.sum(weights**2, axis=(1, 2))
        return upper, lower

    observables = {"invariants": invariants, "gates": lambda system, state, task: system.gates(state)}
    found = simulate(
        system, alternating(2, 2, 0.7), state, method=Adaptive(rtol=1e-11, atol=1e-11), observables=observables
    )
    upper, lower = found.values["invariants"]
    np.testing.assert_allclose(upper, jnp.broadcast_to(upper[0], upper.shape), atol=1e-9)
    np.testing.assert_allclose(lower, jnp.broadcast_to(lower[0], lower.shape), atol=1e-9)
    moved = found.values["gates"]
    assert float(jnp.max(jnp.abs(moved[-1] - moved[0]))) > 0.1


@pytest.mark.slow
def test_rates_bound_what_they_should():
    system, state = hierarchy(GradientFlow, penalty=None)

    def field(state):
        return system.vector_field(0.0, state, TASK)

    assert float(spectral_radius(field, state)) < float(system.fastest_rate(state, TASK))
    fast = HierarchyFlow(system.paths, (2,), (system.time_constants["gates"] / 100,))
    assert float(fast.task_rate()) == pytest.approx(10 * float(system.paths.task_rate()))
    assert float(fast.exchange(state, TASK)) > 5 * float(system.exchange(state, TASK))


@pytest.mark.representatives(1)
@pytest.mark.slow
def test_it_keeps_the_promises_of_the_interface():
    system, _ = hierarchy()
    check_system(system, general_tree((2, 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((2,), (1.0, 2.0)), "give one of each"),
        (((2,), (-1.0,)), "time constant of 'contexts'"),
        (((0,), (1.0,)), "every level needs at least one"),
    ],
)
def test_levels_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        HierarchyFlow(OrderParameters(general_tasks(), TIME_CONSTANTS), *arguments)


def test_networks_that_do_not_fit_are_refused():
    system, _ = hierarchy()
    with pytest.raises(ValueError, match="needs a GateHierarchy"):
        system.initial_state(GatedLinear(jnp.ones(4), jnp.ones((4, 2, 3))))
    with pytest.raises(ValueError, match=r"levels of \[2\] gates"):
        system.initial_state(general_tree((4, 1)))
    with pytest.raises(ValueError, match="system.initial_state"):
        system.check_state(general_tree((2, 2)))
