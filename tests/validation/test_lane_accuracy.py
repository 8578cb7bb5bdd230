"""The accuracy that lanes promise in the steps that sweeps choose, against SciPy on cells of figure 5."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
import pytest

from ntadyn.simulation.lane_steps import LaneSteps
from ntadyn.specs import building
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps import OUTCOME, Measures, Streams, Sweep, as_axes, run_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH, Backend
from ntadyn.sweeps.tiles import TiledSweep
from tests.validation.figure_5_reference import reference

BASE = figure_5_published()
BAR = 1e-3
JITTER = 1e-6
SENSITIVE = 1e3  # what amplifies a jitter by more than this says more about itself than about the step
PATHS = (BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH)
PENALTY = BASE.penalties.strength
FAST_GATES = 0.0025  # those of the penalty map

# Block duration, gate time constant, strength -> what lies there.
FEW = {
    (1.0, 0.01, PENALTY): "fast gates, long blocks, specialised",
    (0.8, 0.03, PENALTY): "middle gates, near the border",
    (0.1, 0.05, PENALTY): "slow gates, short blocks, forgetful",
}
MANY = (
    *((block, gates, PENALTY) for block in (0.1, 0.3, 0.5, 0.8, 1.0) for gates in (0.01, 0.02, 0.03, 0.05)),
    *((block, FAST_GATES, strength) for block in (0.3, 1.0) for strength in (0.02, 0.08)),
)


def all_gates(record):
    """Gates at the start and the end of every block, then the last ones until the longest curriculum ends."""
    return record.values["gates"]


KEPT = Measures(
    {name: OUTCOME.observables[name] for name in ("gates", "similarity")},
    {"all_gates": all_gates, "alignment": OUTCOME.scores["last_alignment"], "result": OUTCOME.scores["result"]},
)


class Errors(NamedTuple):
    """Of every trajectory and number of times that steps are halved, shape (cells, seeds, halvings); steps per cell."""

    gates: np.ndarray
    alignment: np.ndarray
    sensitive: np.ndarray
    num_steps: list[int]


def chosen_steps(cells: Sequence[tuple], seeds: int) -> list[tuple[float, int]]:
    """The step that a sweep chooses for every cell, and how many of them it makes."""
    axes = as_axes({PATHS: tuple(zip(*cells, strict=True))})
    tiled = TiledSweep.make(Sweep(BASE, axes, streams=Streams(initial=seeds), backend=Backend.XLA), KEPT)
    assert all(isinstance(tile.structure.method, LaneSteps) for tile in tiled.tiles)
    of_cell = {
        cell: (schedule.longest_step, schedule.num_steps)
        for tile in tiled.tiles
        for group, schedule in zip(tile.groups, tile.schedules, strict=True)
        for cell in group
    }
    return [of_cell[cell] for cell in range(len(cells))]


def errors(cells: Sequence[tuple], seeds: int, halvings: int) -> Errors:
    """How far lanes are from the reference, in the steps that sweeps choose and in halves of them.

    Args:
        cells: block duration, gate time constant and strength of each.
        seeds: initial states of every cell.
        halvings: 1 for the steps alone, 2 for their halves, too, and so on.
    """
    steps = chosen_steps(cells, seeds)
    # Rounding must not make one more step of them.
    runs = [
        (*cell, step * (1 + 1e-9) / 2**k) for cell, (step, _) in zip(cells, steps, strict=True) for k in range(halvings)
    ]
    axes = as_axes({(*PATHS, "max_step"): tuple(zip(*runs, strict=True))})
    plan = Sweep(BASE, axes, streams=Streams(initial=seeds), backend=Backend.XLA)
    found = run_sweep(plan, KEPT)
    assert (found["result"] == 0).all()
    keys = building.keys_of(plan.seeds, plan.repetitions())
    shape = (len(cells), seeds)
    gates, alignment, sensitive = np.zeros((*shape, halvings)), np.zeros((*shape, halvings)), np.zeros(shape, bool)
    lanes = found.all_gates.values.reshape(len(cells), halvings, seeds, *found.all_gates.shape[2:])
    aligned = found.alignment.values.reshape(len(cells), halvings, seeds)
    for index, cell in enumerate(cells):
        configuration = replaced(BASE, dict(zip(PATHS, cell, strict=True)))
        for seed in range(seeds):
            key = jax.tree.map(lambda leaf: leaf[seed], keys)  # noqa: B023
            exact = reference(configuration, key)
            ends = lanes[index, :, seed, 1::2][:, : len(exact.gates)]
            gates[index, seed] = np.max(np.abs(ends - exact.gates), axis=(1, 2))
            alignment[index, seed] = np.abs(aligned[index, :, seed] - exact.alignment)
            moved = np.max(np.abs(reference(configuration, key, JITTER).gates - exact.gates))
            sensitive[index, seed] = moved > SENSITIVE * JITTER
    return Errors(gates, alignment, sensitive, [number for _, number in steps])


def report(cells: Sequence[tuple], found: Errors) -> str:
    """One line per cell: largest errors over its seeds, and by how much they fall when steps are halved."""
    lines = [
        "block, tau_c, strength: steps; gate error, alignment error; gate error when halved, and again; sensitive seeds"
    ]
    for index, (block, gates, strength) in enumerate(cells):
        halved = ", ".join(f"{error:.1e}" for error in found.gates[index].max(axis=0)[1:])
        lines.append(
            f"{block:g}, {gates:g}, {strength:g}: {found.num_steps[index]}; {found.gates[index, :, 0].max():.1e}, "
            f"{found.alignment[index, :, 0].max():.1e}; {halved}; {int(found.sensitive[index].sum())}"
        )
    return "\n".join(lines)


@pytest.mark.slow
def test_lanes_are_off_by_less_than_they_promise_and_of_second_order(record_property):
    found = errors(tuple(FEW), 1, 3)
    told = report(tuple(FEW), found)
    print(told)
    record_property("accuracy", told)
    assert not found.sensitive.any()
    assert found.gates[..., 0].max() < BAR
    assert found.alignment[..., 0].max() < BAR
    ratios = found.gates[..., :-1] / found.gates[..., 1:]
    assert np.median(ratios) == pytest.approx(4.0, abs=0.8)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("optimised")
def test_they_are_so_all_over_the_maps(record_property):
    found = errors(MANY, 2, 3)
    steady = ~found.sensitive
    gates, alignment = found.gates[..., 0], found.alignment[..., 0]
    ratios = (found.gates[..., :-1] / found.gates[..., 1:])[steady]
    told = report(MANY, found) + (
        f"\n{steady.sum()} of {steady.size} trajectories amplify a jitter less than {SENSITIVE:g} times: gate error "
        f"{np.median(gates[steady]):.1e} (median), {gates[steady].max():.1e} (largest); alignment error "
        f"{np.median(alignment[steady]):.1e}, {alignment[steady].max():.1e}; halving divides gate errors by "
        f"{np.median(ratios):.2f} (median; {np.quantile(ratios, 0.1):.2f} to {np.quantile(ratios, 0.9):.2f} in 80 %)"
    )
    print(told)
    record_property("accuracy", told)
    assert steady.mean() > 0.8
    assert np.mean(gates[steady] < BAR) >= 0.99
    assert np.mean(alignment < BAR) >= 0.99
    assert np.median(ratios) == pytest.approx(4.0, abs=0.4)
