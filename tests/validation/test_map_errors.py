"""The error that both maps of figure 5 are promised at default settings: against steps that are 32 times finer."""

import dataclasses
import itertools

import numpy as np
import pytest

from ntadyn.maps.summary import JITTER, SENSITIVE
from ntadyn.sweeps import OUTCOME, Measures, Sweep, run_sweep
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import STRENGTH, Backend, Precision
from ntadyn.sweeps.program import Work, run_program
from ntadyn.sweeps.tiles import TiledSweep
from ntadyn.verification.benchmark import installed_backends

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
        method = dataclasses.replace(tile.structure.method, refinement=refinement)
        method.ready(plan.precision.value)
        structure = dataclasses.replace(tile.structure, method=method)
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
    plan = dataclasses.replace(plan, backend=Backend.XLA, bars=False)
    if name == "penalty":  # also where nothing holds the norm of the gates
        assert min(next(axis.values for axis in plan.parameters if axis.path == STRENGTH)) == 0
    reference = gates(plan, FINER)
    jumps = run_sweep(dataclasses.replace(plan, check=1.0)).perturbation.values.reshape(plan.num_cells, -1)
    steady = jumps < SENSITIVE * JITTER
    assert 0.9 < steady.mean() < 1
    for backend, precision in itertools.product(installed_backends(), Precision):
        found = gates(dataclasses.replace(plan, backend=backend, precision=precision))
        off = np.max(np.abs(found - reference), axis=(2, 3))[steady]
        median, most = np.quantile(off, (0.5, 0.99))
        print(f"{name}, {backend.value}, {precision.value}: {median:.1e}, 99 % below {most:.1e}")
        assert 1e-5 < median < BAR / 5, (backend, precision)
        assert most < BAR, (backend, precision)
    # Sensitive trajectories are rightly left out, not a way to hide errors: they are off by much more.
    assert np.median(np.max(np.abs(found - reference), axis=(2, 3))[~steady]) > np.median(off)
