"""Runs that break a law of the flow are told apart from those that do not, alone and on lanes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import DeepOrderParameters, GradientFlow, OrderParameters, SVDModes
from ntadyn.networks import DeepLinear
from ntadyn.simulation import FixedSteps, LaneSteps, default_step, integrate_batch, observables, simulate
from ntadyn.simulation.invariants import Watch, is_possible
from ntadyn.simulation.outcome import RESULTS, result_codes
from ntadyn.simulation.time_grid import lay_out
from ntadyn.specs.configuration import (
    Configuration,
    Curriculum,
    Gating,
    Network,
    Randomness,
    RelativePenalties,
    TeacherKind,
    Teachers,
    TeacherScale,
    TimeConstants,
)
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import orthogonal
from tests.systems import KINKED, TIME_CONSTANTS, general_network, general_tasks

CURRICULUM = alternating(2, 2, 0.5)
RECORDED = {"loss": observables.loss}
METHOD = FixedSteps(max_step=0.02)


def of(kind):
    system = kind(general_tasks(), TIME_CONSTANTS, {"gates": KINKED})
    return system, system.initial_state(general_network(paths=2))


def outcome(system, state, method=METHOD):
    return simulate(system, CURRICULUM, state, observables=RECORDED, method=method).result


class Uphill(GradientFlow):
    """Weights that climb the loss: the wrong sign, and nothing that is not finite."""

    def relax_weights(self, state, task, duration):
        down = super().relax_weights(state, task, duration).weights
        return eqx.tree_at(lambda network: network.weights, state, 2 * state.weights - down)


@pytest.mark.representatives(1)
@pytest.mark.parametrize("kind", [GradientFlow, OrderParameters])
def test_a_good_run_breaks_no_law(kind):
    assert bool(outcome(*of(kind)) == RESULTS.successful)


@pytest.mark.slow
def test_an_energy_that_rises_while_a_task_is_in_force_is_noticed():
    assert bool(outcome(*of(Uphill)) == RESULTS.impossible)
    assert "energy rose" in RESULTS[RESULTS.impossible]


def test_the_energy_may_jump_at_a_switch():
    def look(watch, block, task, energy):
        return watch.look(jnp.asarray(block), task, jnp.asarray(energy), jnp.ones(()), 1e-6)

    first, second = jnp.asarray([1.0, 0.0]), jnp.asarray([0.0, 1.0])
    watch, broken = look(Watch.begin(jnp.asarray(0), first, jnp.ones(())), 0, first, 2.0)
    assert not bool(broken)
    assert bool(look(watch, 0, first, 2.1)[1])
    assert not bool(look(watch, 0, first, 2.0 + 1e-7)[1])
    assert not bool(look(watch, 1, second, 5.0)[1])
    assert not bool(look(watch, 0, second, 5.0)[1])  # a smooth switch within a block
    # One lane that rises does not blame the others.
    lanes, _ = Watch.begin(jnp.asarray(0), first, jnp.ones(3)).look(
        jnp.asarray(0), first, jnp.asarray([1.0, 2.0, 3.0]), jnp.ones(3), 1e-6
    )
    _, broken = lanes.look(jnp.asarray(0), first, jnp.asarray([0.5, 2.5, 3.0]), jnp.asarray([1.0, 1.0, -1.0]), 1e-6)
    np.testing.assert_array_equal(broken, [False, True, True])


def tampered(state):
    """Overlaps of no network: a student and a teacher that have more in common than either has with itself."""
    return eqx.tree_at(lambda item: item.cross, state, state.cross.at[..., 0, 0].add(3.0))


def test_overlaps_of_no_network_are_noticed():
    system, state = of(OrderParameters)
    assert bool(is_possible(system, state, 1e-6))
    assert not bool(is_possible(system, tampered(state), 1e-6))
    assert bool(outcome(system, tampered(state)) == RESULTS.impossible)
    skew = eqx.tree_at(lambda item: item.students, state, state.students.at[0, 0, 1].add(1e-3))
    assert not bool(is_possible(system, skew, 1e-6))


@pytest.mark.slow
def test_overlaps_of_no_network_are_noticed_on_lanes():
    system, state = of(OrderParameters)
    pair = lambda one, other: jax.tree.map(lambda *leaves: jnp.stack(leaves), one, other)  # noqa: E731
    grid = lay_out(CURRICULUM, 0.02)
    found = integrate_batch(pair(system, system), CURRICULUM, pair(state, tampered(state)), LaneSteps(), grid, RECORDED)
    np.testing.assert_array_equal(result_codes(found.result), [0, 3])


@pytest.mark.slow
def test_a_state_that_outruns_its_steps_is_noticed_on_lanes():
    system, state = of(OrderParameters)

    class Growing(OrderParameters):
        """Says that it exchanges faster and faster, as a runaway state would."""

        def rates(self, state, task):
            rates = super().rates(state, task)
            return eqx.tree_at(lambda item: item.drive, rates, jnp.where(state.gates[0] == start, 1.0, 1e3))

    start = state.gates[0]
    system = Growing(system.tasks, TIME_CONSTANTS, {"gates": KINKED})
    alone = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], (system, state))
    found = integrate_batch(alone[0], CURRICULUM, alone[1], LaneSteps(), lay_out(CURRICULUM, 0.02), RECORDED)
    np.testing.assert_array_equal(result_codes(found.result), [4])


@pytest.mark.representatives(1)
@pytest.mark.parametrize("seed", range(3))
def test_every_network_has_possible_overlaps(seed):
    tasks = general_tasks(seed=seed)
    cases = [
        (OrderParameters(tasks, TIME_CONSTANTS), general_network(paths=4, seed=seed)),
        (OrderParameters(tasks, TIME_CONSTANTS, row_resolved=True), general_network(paths=4, seed=seed)),
        (DeepOrderParameters(tasks, TIME_CONSTANTS), general_network(DeepLinear, paths=9, seed=seed)),
        (
            SVDModes(orthogonal(jax.random.key(seed), 2, 2, 5), TIME_CONSTANTS),
            general_network(paths=3, d_in=5, seed=seed),
        ),
    ]
    for system, network in cases:
        state = system.initial_state(network)
        assert bool(is_possible(system, state, 1e-12))
        gram = np.asarray(system.gram(state))
        np.testing.assert_array_equal(gram, gram.swapaxes(1, 2))
        assert np.min(np.linalg.eigvalsh(gram)) > -1e-12


@pytest.mark.slow
def test_overlaps_of_two_layers_stay_symmetric_and_losses_positive():
    # Here rounding in the antisymmetric part of W1 W1^T grew by 1 + p_i p_j at every step, to losses of -2e11.
    configuration = Configuration(
        teachers=Teachers(TeacherKind.AXIS_ALIGNED, 2, 8, 2, TeacherScale.UNIT),
        network=Network(2, Gating.LAYER, 0.01, 2.0, 1.0),
        curriculum=Curriculum(block_duration=4.0, total_time=40.0),
        time_constants=TimeConstants(0.16, 0.02),
        penalties=RelativePenalties(nonnegative=None, unit_l1=None),
        randomness=Randomness(num_seeds=3),
    )
    trajectory, _ = run_ensemble(configuration, observables=RECORDED)
    assert bool(jnp.all(trajectory.result == RESULTS.successful))
    assert float(jnp.min(trajectory.values["loss"])) > -1e-12
    students = np.asarray(trajectory.final_state.students)
    np.testing.assert_array_equal(students, students.swapaxes(1, 2))


def test_result_codes_are_the_documented_numbers():
    names = ("successful", "diverged", "kink_met", "impossible", "unresolved", "full")
    assert [int(result_codes(getattr(RESULTS, name))) for name in names] == [0, 1, 2, 3, 4, 5]


@pytest.mark.slow
def test_the_error_estimate_says_where_it_says_nothing():
    system, state = of(OrderParameters)
    told = simulate(system, CURRICULUM, state, observables=RECORDED, estimate_error=True)
    assert bool(jnp.all(jnp.isfinite(told.error["loss"])))
    # One step per block, longer than the time in which gates and weights exchange their errors.
    long = alternating(2, 2, 200 * default_step(system))
    coarse = simulate(system, long, state, observables=RECORDED, estimate_error=True, method=FixedSteps(max_step=1e9))
    assert bool(jnp.all(jnp.isinf(coarse.error["loss"])))
    failed = simulate(system, CURRICULUM, tampered(state), observables=RECORDED, estimate_error=True, method=METHOD)
    assert bool(jnp.all(jnp.isinf(failed.error["loss"])))
