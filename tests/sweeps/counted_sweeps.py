"""Small sweeps that run in tiles while traces are counted, and the trajectories of their cells alone."""

import dataclasses

import jax
import numpy as np
import pytest
import xarray as xr

from ntadyn.simulation import simulate
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps import OUTCOME, Sweep, as_axes, engine, layout, program, run_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, TOTAL_TIME, WEIGHT_TIME_CONSTANT
from ntadyn.sweeps.tiles import TiledSweep

BATCHES = replaced(
    Configuration(),
    {
        "teachers.d_in": 6,
        "teachers.d_out": 2,
        "network.initial_scale": 0.5,
        "dynamics": Dynamics.ONLINE,
        "batch_size": 4,
        "max_step": 0.05,
        TOTAL_TIME: 2.0,
        WEIGHT_TIME_CONSTANT: 1.0,
        "randomness.num_seeds": 3,
        "randomness.vary_teachers": True,
    },
)
# Small and quick to compile; the two fastest of its gates diverge at this step, the others do not.
SMALL = Sweep(
    BATCHES,
    as_axes({BLOCK_DURATION: (0.15, 0.5, 1.0), GATE_TIME_CONSTANT: (0.0005, 0.001, 0.5, 0.9)}),
    "small",
)
TINY = replaced(
    figure_5_published(),
    {"teachers.d_in": 6, "teachers.d_out": 2, GATE_TIME_CONSTANT: 0.05, TOTAL_TIME: 2.0, "network.initial_scale": 0.3},
)


@dataclasses.dataclass
class Finished:
    """A sweep, its tiles with their programs, its result, and what was reported on the way."""

    plan: Sweep
    tiled: TiledSweep
    dataset: xr.Dataset
    reports: list
    num_traces: int


def run(plan, measures=OUTCOME, tile_steps=layout.OTHER_TILE_STEPS):
    """Run a sweep in tiles of so many steps, counting how often its body is traced."""
    made, reports, traces = [], [], []
    make, integrate_batch = TiledSweep.make, program.integrate_batch

    def counted(systems, curriculum, states, method, grid, recorded, *read):
        if not isinstance(grid.start, jax.ShapeDtypeStruct):
            traces.append(tuple(sorted(recorded)))
        return integrate_batch(systems, curriculum, states, method, grid, recorded, *read)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "OTHER_TILE_STEPS", tile_steps)
        patch.setattr(program, "integrate_batch", counted)
        patch.setattr(engine.TiledSweep, "make", lambda *args: made.append(make(*args)) or made[-1])
        dataset = run_sweep(plan, measures, report=reports.append)
    return Finished(plan, made[0], dataset, reports, len(traces))


def alone(plan, cell, seed, method):
    """The trajectory of one cell and one repetition by `simulate`."""
    configuration = replaced(plan.configuration, plan.changes(cell))
    keys = building.keys_of(configuration.randomness.seed, plan.repetitions())
    system, state = building.build(configuration, jax.tree.map(lambda leaf: leaf[seed], keys))
    return simulate(system, building.build_curriculum(configuration.curriculum, system.tasks), state, method=method)


def assert_same_cell(dataset, trajectory, atol):
    """One cell of one repetition holds what its trajectory ends with, by formulas of their own."""
    similarity = np.asarray(trajectory.values["similarity"])
    window, last = similarity[np.asarray(trajectory.blocks) >= trajectory.blocks[-1] - 1].mean(axis=0), similarity[-1]
    pairs, others = np.trace(window) / 2, np.trace(window[:, ::-1]) / 2
    # Paths are sorted by the teacher that they are matched with.
    gates = np.asarray(trajectory.values["gates"][-1])
    expected = {
        "gates": gates[::-1] if pairs < others else gates,
        "loss": trajectory.values["loss"][-1],
        "alignment": np.trace(last[:, ::-1] if pairs < others else last) / 2,
        "last_alignment": max(np.trace(last), np.trace(last[:, ::-1])) / 2,
        "contrast": abs(pairs - others),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(dataset[name], value, rtol=0, atol=atol, err_msg=name)
