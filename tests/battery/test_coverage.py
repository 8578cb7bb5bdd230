"""Error estimates cover the true errors of problems that somebody else has solved, and do not shrug."""

import numpy as np
import pytest

from ntadyn.interface.observables import STANDARD
from ntadyn.simulation import observables, simulate
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import SIMULATIONS
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT
from tests.battery import filippov, formulations, references
from tests.battery.coverage import Coverage, Outcome, measure
from tests.battery.problems import build

# Two structures, one with few gates and one with many, each with four problems.
FEW = (0, 1, 2, 3, 8, 9, 10, 11)


def test_a_battery_says_what_it_found():
    outcomes = [
        Outcome(0, 2e-3, 1e-3, 0),
        Outcome(1, np.inf, 1.0, 4),
        Outcome(2, 1e-4, 1e-3, 0),
        Outcome(3, 0, 1e-12, 0),
    ]
    found = Coverage.of(outcomes)
    assert found.covered == 0.75
    assert found.unresolved == 0.25
    assert found.median_ratio == pytest.approx(1.05)
    assert (found.largest_error, found.failed) == (1.0, 1)


@pytest.mark.slow
def test_estimates_cover_errors_of_a_few_problems():
    chosen = [item for item in references.load() if item.seed in FEW]
    assert len(chosen) >= 6
    found = Coverage.of(list(measure(chosen)))
    print(found)
    assert (found.covered, found.unresolved, found.failed) == (1, 0, 0)
    assert found.largest_error < 2e-3


@pytest.mark.slow
def test_gates_that_arrive_within_a_fraction_of_a_step_do_not_fool_the_estimate():
    """Weights feel such a gate for a moment that equal steps miss, halved or not, and growth amplifies it.

    Halving equal steps moved the gate by 8e-7, and it is off by 1e-2.
    """
    problem = formulations.draw(0, 293)
    exact = filippov.solve(problem, references.ACCURATE).gates[:, -1]
    system, network, curriculum = build(problem)
    recorded = {"gates": observables.gates}
    state = system.initial_state(network)
    trajectory = simulate(system, curriculum, state, observables=recorded, estimate_error=True)
    error = np.max(np.abs(np.asarray(trajectory.values["gates"])[1::2] - exact))
    assert error > 5e-3, "the case was chosen for its error"
    assert error < np.max(trajectory.error["gates"]) < 10 * error


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["figure-2-flexible", "figure-2-forgetful"])
def test_published_runs_are_resolved(preset):
    configuration = replaced(SIMULATIONS[preset](), {"curriculum.total_time": 6.0})
    trajectory, _ = run_ensemble(configuration, {"gates": STANDARD["gates"]}, estimate_error=True)
    assert np.isfinite(np.asarray(trajectory.error["gates"])).all()


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize(("gates", "block"), [(0.01, 1.0), (0.03, 0.6), (0.05, 0.2)])
def test_cells_of_figure_5_are_resolved(gates, block):
    changes = {GATE_TIME_CONSTANT: gates, BLOCK_DURATION: block}
    configuration = replaced(SIMULATIONS["figure-5-published"](), changes)
    trajectory, _ = run_ensemble(configuration, {"gates": STANDARD["gates"]}, estimate_error=True)
    unresolved = ~np.isfinite(np.asarray(trajectory.error["gates"])).all(axis=(1, 2))
    assert np.mean(unresolved) <= 0.05
