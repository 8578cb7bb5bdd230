"""When gates become negative: runs in the plane beside other solvers, shares of runs beside simulated ones."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from experiments.harness.variants import seeded
from experiments.stability.border_maps.simulation import INITIAL_SCALE, least_gate
from ntadyn.networks import GatedLinear
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.solvers import LorentzBoost
from ntadyn.specs.paths import replaced
from ntadyn.specs.teacher_plane import plane_of, spread_of
from ntadyn.stability import (
    FirstBlock,
    TeacherPlane,
    first_block,
    growth,
    hinge_bound,
    needed_hinge,
    negative_probability,
    plane_system,
    return_time,
    run_in_plane,
)
from ntadyn.sweeps import Axis, Sweep, Zipped, run_sweep
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import BLOCK_DURATION, STRENGTH
from ntadyn.sweeps.scores import OUTCOME
from ntadyn.tasks import curricula

GATES, NORMS, DURATIONS = (0.0025, 0.0025, 0.02), (0.1, 0.4, 2.0), (0.8, 0.5, 1.0)
CELLS = TeacherPlane(np.array(DURATIONS), gates=np.array(GATES), unit_l1=np.array(NORMS))


def by_events(gates, unit_l1, difference, until):
    """The first block, with the loser's gate left out of the equations from where it meets zero."""
    squared = float(CELLS.teacher_norm) ** 2

    def slopes(_, state):
        learned, c = state[:2], state[2:]
        missing = 1 - c @ learned
        force = squared * learned * missing - unit_l1 * (c.sum() - 1)
        return np.concatenate([c * missing, force / gates])

    def meets_zero(_, state):
        return state[2]

    meets_zero.terminal = True
    half = difference / (2 * float(CELLS.teacher_norm))
    options = {"rtol": 1e-10, "atol": 1e-12, "method": "LSODA"}
    free = solve_ivp(slopes, (0, until), [-half, half, 0.5, 0.5], events=meets_zero, **options)
    if free.status == 0:
        return free.y[:2, -1]

    def held(time, state):
        found = slopes(time, state * [1, 1, 0, 1])
        return found * [1, 1, 0, 1]

    return solve_ivp(held, (free.t[-1], until), free.y[:, -1] * [1, 1, 0, 1], **options).y[:2, -1]


@pytest.mark.parametrize("difference", [1e-5, 1e-3])
def test_the_first_block_is_that_of_a_solver_with_events(difference):
    found = np.stack(first_block(CELLS, difference))
    for cell, (gates, unit_l1, duration) in enumerate(zip(GATES, NORMS, DURATIONS, strict=True)):
        np.testing.assert_allclose(found[:, cell], by_events(gates, unit_l1, difference, duration), atol=2e-3)


@pytest.mark.slow
def test_a_run_is_that_of_the_simulator():
    """Through two and a half blocks, in which a gate reaches zero, becomes negative, and returns."""
    plane, difference = TeacherPlane(0.8, gates=0.0025, unit_l1=0.2, nonnegative=0.04), 1e-3
    found = run_in_plane(plane, 2.0, difference, 16.0)
    weights = jnp.zeros((2, 1, 4)).at[:, 0, 0].set(jnp.array([-0.5, 0.5]) * difference)
    start, system = GatedLinear(jnp.array([0.5, 0.5]), weights), plane_system(plane)
    blocks = curricula.alternating(2, 3, jnp.array([0.8, 0.8, 0.4]))
    ran = simulate(system, blocks, system.initial_state(start), method=FixedSteps(LorentzBoost(), 4e-4))
    np.testing.assert_allclose(found.gates, ran.final_state.gates, atol=2e-3)


def test_the_penalty_brings_gates_back():
    """After ten blocks a gate is still negative at 0.7 of the time that is predicted, and none is at 1.05 of it."""
    plane = TeacherPlane(0.96, gates=0.0025, unit_l1=0.275, nonnegative=0.055)
    start = run_in_plane(plane, 9.6, 1e-3)
    longest = return_time(plane, start.weights, 1e3)
    after = 9.6 + np.round(longest * np.array([0.7, 1.05]) / 0.96) * 0.96
    assert 80 < longest < 100
    np.testing.assert_array_equal(run_in_plane(plane, after, 1e-3).least < 0, [True, False])
    weaker = dataclasses.replace(plane, unit_l1=0.0275, nonnegative=0.0055)
    np.testing.assert_allclose(return_time(weaker, start.weights, 1e4), 10 * longest, rtol=1e-5)
    assert return_time(plane, start.weights, 0.5 * longest) == np.inf
    assert return_time(plane, np.eye(2), 1.0) == 0
    with pytest.raises(ValueError, match="weights are .*, and not parallel"):
        return_time(plane, np.ones((2, 2)), 1.0)
    with pytest.raises(ValueError, match="within is inf; it must be positive and finite"):
        return_time(plane, start.weights, np.inf)


def test_what_is_needed_solves_its_equation():
    learned = FirstBlock(np.array([0.2, 0.3]), np.array([0.6, 0.5]))
    plane = TeacherPlane(1.0, gates=0.01, unit_l1=np.array([0.3, 0.02]))
    needed = needed_hinge(plane, learned)
    norm = 1 - needed / np.asarray(plane.unit_l1) * learned.winner / (learned.loser + learned.winner)
    np.testing.assert_allclose(needed, 0.5 * norm * (learned.winner**2 - learned.loser**2) / 2, rtol=1e-12)
    assert np.all(needed < hinge_bound(plane))  # that of frozen weights is sufficient


def test_what_has_no_share():
    with pytest.raises(ValueError, match="spread is 0"):
        negative_probability(CELLS, 7.0, 0.0)
    with pytest.raises(
        ValueError, match=r"gates of 1e-07 with a norm penalty of 0 .* a run of 0.8: it takes 2.4e\+07 steps"
    ):
        first_block(TeacherPlane(0.8, gates=1e-7), 1e-3)
    with pytest.raises(ValueError, match=r"blocks of 0.8 are to be run until inf; both must be positive and finite"):
        run_in_plane(TeacherPlane(0.8, gates=0.1), np.inf, 1e-3)
    with pytest.raises(ValueError, match=r"block_duration is .*; one number is allowed where cells are followed block"):
        growth(CELLS, 1)


@pytest.mark.slow
def test_shares_are_those_of_simulated_runs():
    """Where the second block decides, where the way back takes all of the time, and in short blocks."""
    durations = 1.0, 0.96, 0.7, 0.1, 0.96, 0.96, 0.76, 0.1
    strengths = 0.03, 0.045, 0.02, 0.02, 0.01, 0.02, 0.03, 0.02
    scales = np.array([1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1])
    base = seeded(figure_5_maps(published())[1].configuration, 40, 77)
    sizes = tuple((scales * base.network.initial_scale).tolist())
    axes = Axis(BLOCK_DURATION, durations), Axis(STRENGTH, strengths), Axis(INITIAL_SCALE, sizes)
    ran = run_sweep(Sweep(base, (Zipped("place", axes),)), OUTCOME.and_also(scores={"least_gate": least_gate}))
    share = (ran.least_gate < 0).mean("seed").values
    plane = plane_of(
        [replaced(base, {BLOCK_DURATION: one, STRENGTH: two}) for one, two in zip(durations, strengths, strict=True)]
    )
    spread, until = spread_of(base), float(base.curriculum.end)
    predicted = np.where(
        scales == 1, negative_probability(plane, until, spread), negative_probability(plane, until, 0.1 * spread)
    )
    np.testing.assert_allclose(predicted, share, atol=0.25)  # of 40 runs: three standard deviations
    assert np.mean(np.abs(predicted - share)) < 0.08
