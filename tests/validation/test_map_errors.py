"""The error that both maps of figure 5 are promised at default settings: against steps that are 32 times finer."""

import dataclasses

import numpy as np
import pytest

from ntadyn.maps.summary import JITTER, SENSITIVE
from ntadyn.simulation import LaneSteps
from ntadyn.sweeps import OUTCOME, Measures, Sweep, run_sweep
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import STRENGTH, Precision
from ntadyn.sweeps.program import Work, run_program
from ntadyn.sweeps.tiles import TiledSweep

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimised")]

FINER = 32
BAR = 1e-3


def all_gates(record):
    """Gates at the start and the end of every block, then the last ones."""
    return record.values["gates"]


KEPT = Measures({"gates": OUTCOME.observables["gates"]}, {"all_gates": all_gates, "result": OUTCOME.scores["result"]})


def gates(plan: Sweep, refinement: int = 1) -> np.ndarray:
    """All recorded gates of every cell, shape (cells, seeds, records, paths), in so many times the chosen steps."""
    tiled, found = TiledSweep.make(plan, KEPT), {}
    for tile in tiled.tiles:
        structure = dataclasses.replace(tile.structure, method=LaneSteps(refinement))
        arguments = (Work.of(plan, structure, tile.groups, tile.schedules), tiled._keys)
        compiled = tiled.programs.get(
            repr(structure),
            lambda structure=structure: run_program(structure, KEPT, plan.precision),
            arguments,
        )
        results = compiled(*arguments)
        assert np.all(np.asarray(results["result"]) == 0)
        values = np.asarray(results["all_gates"], float)
        found |= {cell: values[i, k] for i, group in enumerate(tile.groups) for k, cell in enumerate(group)}
    return np.stack([found[cell] for cell in range(plan.num_cells)])


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["gate_speed", "penalty"])
def test_99_of_100_gates_are_off_by_less_than_promised(name):
    ranges = dataclasses.replace(published(), size=(12, 12))
    plan = {item.name: item for item in figure_5_maps(ranges)}[name]
    if name == "penalty":  # also where nothing holds the norm of the gates
        assert min(next(axis.values for axis in plan.parameters if axis.path == STRENGTH)) == 0
    reference = gates(plan, FINER)
    jumps = run_sweep(dataclasses.replace(plan, check=1.0)).perturbation.values.reshape(plan.num_cells, -1)
    steady = jumps < SENSITIVE * JITTER
    assert 0.9 < steady.mean() < 1
    for precision in Precision:
        found = gates(dataclasses.replace(plan, precision=precision))
        off = np.max(np.abs(found - reference), axis=(2, 3))[steady]
        assert 1e-5 < np.median(off) < BAR / 10, precision
        assert np.quantile(off, 0.99) < BAR, precision
    # Sensitive trajectories are rightly left out, not a way to hide errors: they are off by much more.
    assert np.median(np.max(np.abs(found - reference), axis=(2, 3))[~steady]) > np.median(off)
