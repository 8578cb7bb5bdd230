"""Cells of a sweep in groups, groups in tiles."""

import dataclasses
import functools
import time

import jax
import numpy as np
import pytest

from ntadyn.simulation import LaneSteps, Updates
from ntadyn.solvers import Splitting
from ntadyn.specs.configuration import Dynamics
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps import Sweep, as_axes, group_sizes, layout, steps as step_lengths
from ntadyn.sweeps.layout import lay_out_sweep
from ntadyn.sweeps.phase_maps import figure_5_maps, small
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH, TOTAL_TIME, WEIGHT_TIME_CONSTANT, Backend

BASE = replaced(
    figure_5_published(), {"teachers.d_in": 6, "teachers.d_out": 2, "randomness.num_seeds": 3, TOTAL_TIME: 2.0}
)
DURATIONS = (0.15, 0.4, 0.9, 1.0)
GATES = (0.01, 0.0101, 0.02, 0.03, 0.05)
# On lanes of XLA, whether or not Numba is installed.
MAP = Sweep(BASE, as_axes({BLOCK_DURATION: DURATIONS, GATE_TIME_CONSTANT: GATES}), backend=Backend.XLA)


def grids(tiles):
    """Cell -> its time grid, tasks included, as plain numbers."""
    found = {}
    for tile in tiles:
        for group, schedule in zip(tile.groups, tile.schedules, strict=True):
            for cell in group:
                found[cell] = [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(schedule)]
    return found


@pytest.fixture(scope="module")
def tiles():
    return lay_out_sweep(MAP)


def test_every_cell_is_there_once(tiles):
    cells = [cell for tile in tiles for cell in tile.cells]
    assert sorted(cells) == list(range(MAP.num_cells))
    assert all(group for tile in tiles for group in tile.groups)


def test_groups_fit_into_their_structure_and_share_one_program(tiles):
    (structure,) = {tile.structure for tile in tiles}
    for tile in tiles:
        assert 1 <= len(tile.groups) == len(tile.schedules) <= structure.num_groups
        assert max(map(len, tile.groups)) <= structure.num_cells
        assert {jax.tree.map(np.shape, schedule) for schedule in tile.schedules} == {
            jax.tree.map(np.shape, tiles[0].schedules[0])
        }
    # Parameters of the rule are data, swept or not, so that sweeps that differ in them share the program.
    assert structure.paths == (STRENGTH, GATE_TIME_CONSTANT, WEIGHT_TIME_CONSTANT)
    assert structure.method == LaneSteps()
    assert structure.num_blocks == 14  # 2 / 0.15, rounded up
    assert structure.num_cells * 3 <= group_sizes.CPU_GROUP_BYTES // 8


def test_time_grids_cover_the_run_in_steps_that_fit_the_gates(tiles):
    found = grids(tiles)
    for cell, (start, end, _, block, steps, tasks, _, records) in found.items():
        duration, tau = DURATIONS[cell // len(GATES)], GATES[cell % len(GATES)]
        blocks = int(np.ceil(2.0 / duration - 1e-9))
        assert records == 2 * blocks
        assert (start[0], end[records - 1]) == (0.0, pytest.approx(2.0, rel=1e-12))
        assert tasks[:blocks] == [k % 2 for k in range(blocks)]
        assert block[:records] == [k // 2 for k in range(records)]
        assert sum(steps[records:]) == 0
        # Two orthogonal teachers of d_out rows of norm 1/sqrt(d_in); steps come in quarters of octaves.
        shortest, longest = (number * np.sqrt(tau / (2 / 6)) for number in step_lengths.BLOCKS)
        as_if, quarter = np.clip(duration, shortest, longest), 2 ** (1 / 4)
        wanted = np.sqrt(step_lengths.FIRST_STEP * tau / (2 / 6) * as_if)
        step = max((b - a) / n for a, b, n in zip(start, end, steps, strict=True) if n)
        # A block is cut into whole steps.
        assert wanted / quarter * (1 - wanted / duration) < step <= wanted * (1 + 1e-12)


def test_cells_that_differ_little_share_their_time_grid(tiles):
    found = grids(tiles)
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert len({str(grid) for grid in found.values()}) == len(DURATIONS) * (len(GATES) - 1)


@pytest.mark.parametrize("cells", [[7], [0, 19], list(range(3, 20, 2))])
def test_a_cell_runs_the_same_way_whichever_others_are_run(tiles, cells):
    part = lay_out_sweep(MAP, cells)
    assert sorted(cell for tile in part for cell in tile.cells) == cells
    assert {tile.structure for tile in part} == {tile.structure for tile in tiles}
    whole, some = grids(tiles), grids(part)
    assert some == {cell: whole[cell] for cell in cells}


def test_tiles_are_the_same_whenever_they_are_cut(tiles):
    again = lay_out_sweep(dataclasses.replace(MAP, name="again"))
    assert [tile.groups for tile in again] == [tile.groups for tile in tiles]
    assert grids(again) == grids(tiles)
    steps = [schedule.num_steps for tile in tiles for schedule in tile.schedules]
    assert steps == sorted(steps, reverse=True)


def test_tiles_hold_a_bounded_number_of_steps_however_large_the_map(tiles, monkeypatch):
    per_cell = [sum(grid[4]) for grid in grids(tiles).values()]
    lanes = tiles[0].structure.num_cells * 3
    limit = 5.5 * np.mean(per_cell) * lanes
    monkeypatch.setattr(layout, "TILE_STEPS", limit)
    cut = lay_out_sweep(MAP)
    assert [len(tile.groups) for tile in cut] == [5, 5, 5, 1]
    # Tiles have equal numbers of groups, and the mean number of steps decides how many.
    steps = [sum(item.num_steps for item in tile.schedules) * lanes for tile in cut]
    assert max(steps) <= limit * max(per_cell) / np.mean(per_cell)


def test_groups_are_as_large_as_the_processor_likes_and_no_larger_than_there_are_cells():
    # A step costs as much as 250 trajectories before there is any.
    best = functools.partial(group_sizes.best_group_size, most=64, overhead=250)
    assert best([(100, 10)], 3) == 20
    assert best([(4, 10)], 3) == 4
    assert best([(4, 10), (5, 10)], 3) == 5
    assert best([(100, 10)], 1000) == 1
    assert best([(10, 1)], 10) == 5  # two groups in any case, so with no more padding than that


def test_groups_on_lanes_fill_vectors():
    # In double precision a vector is 8 lanes, a group 64 at most, and fewer than 64 take as long.
    assert [group_sizes.cells_on_lanes(repetitions, 8) for repetitions in (1, 3, 8, 10, 40, 100)] == [
        59,
        20,
        8,
        6,
        1,
        1,
    ]
    # In single precision a vector is 16 lanes and a group 128 at most: two cells of 40 fill 80, where one leaves 24.
    assert [group_sizes.cells_on_lanes(repetitions, 4) for repetitions in (10, 40, 100)] == [6, 2, 1]


def test_sweeps_that_differ_in_real_numbers_of_the_rule_share_a_structure():
    other = replaced(BASE, {WEIGHT_TIME_CONSTANT: 0.7, STRENGTH: 0.3, "randomness.seed": 5})
    axes = as_axes({BLOCK_DURATION: DURATIONS, STRENGTH: (0.1, 0.2)})
    one, another = (lay_out_sweep(plan)[0].structure for plan in (MAP, Sweep(other, axes, backend=Backend.XLA)))
    assert repr(one) == repr(another)
    wider = replaced(other, {"network.initial_scale": 0.3})
    assert repr(lay_out_sweep(Sweep(wider, axes, backend=Backend.XLA))[0].structure) != repr(one)


def test_what_is_not_a_real_number_is_compiled_in():
    plan = Sweep(BASE, as_axes({"network.num_paths": (2, 3), STRENGTH: (0.1, 0.2)}))
    tiles = lay_out_sweep(plan)
    assert [tile.structure.spec.network.num_paths for tile in tiles] == [2, 3]
    assert [tile.cells for tile in tiles] == [(0, 1), (2, 3)]


@pytest.mark.representatives(2)
@pytest.mark.parametrize(
    ("changes", "solver", "step"),
    [
        ({"dynamics": Dynamics.GRADIENT_FLOW}, Splitting, 2.5 * 0.0125 * (0.01 * 1.0) ** 0.5 / (2 / 6) ** 0.5),
        ({"dynamics": Dynamics.ONLINE}, Updates, 1e-3),
        ({"penalties.l2": 1.0}, Splitting, 2.5 * 0.0125 * (0.01 * 1.0) ** 0.5 / (2 / 6) ** 0.5),
        ({"network.num_paths": 5}, Splitting, 2.5 * 0.0125 * (0.01 * 1.0) ** 0.5 / (2 / 6) ** 0.5),
        ({"dynamics": Dynamics.ONLINE, "max_step": 0.02}, Updates, 0.02),
        ({"max_step": 0.02}, None, 0.02),
    ],
    ids=str,
)
def test_other_systems_take_equal_steps_of_their_solver(changes, solver, step):
    base = replaced(BASE, {BLOCK_DURATION: 1.0, WEIGHT_TIME_CONSTANT: 1.0, **changes})
    (tile,) = lay_out_sweep(Sweep(base, as_axes({GATE_TIME_CONSTANT: (0.01, 0.04)}), backend=Backend.XLA))
    method = tile.structure.method
    assert isinstance(getattr(method, "solver", method), solver or LaneSteps)
    # The largest step that divides a block evenly.
    assert tile.schedules[0].longest_step == pytest.approx(1 / np.ceil(1 / step - 1e-9), rel=1e-12)


def test_steps_may_be_an_axis():
    tiles = lay_out_sweep(Sweep(BASE, as_axes({"max_step": (0.01, 0.05)})))
    pairs = [pair for tile in tiles for pair in zip(tile.groups, tile.schedules, strict=True)]
    assert {group: schedule.longest_step for group, schedule in pairs} == {
        (0,): pytest.approx(0.01),
        (1,): pytest.approx(0.05),
    }


def test_maps_of_hundreds_of_rows_are_cut_in_no_time():
    ranges = dataclasses.replace(small(), size=(300, 30))
    began = time.process_time()
    lay_out_sweep(figure_5_maps(ranges)[0])
    # 10 ms per row, which has a time grid per length of steps; cells cost next to nothing.
    assert time.process_time() - began < 3.0


def test_sweeps_want_double_precision_to_draw_from(monkeypatch):
    monkeypatch.setattr(jax.config, "read", lambda name: False)
    with pytest.raises(ValueError, match="64-bit floats are off; call jax.config.update"):
        lay_out_sweep(MAP)
