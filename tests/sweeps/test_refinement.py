"""Refinement on a made-up map, whose border is known, so that no trajectory has to be run."""

import dataclasses
import shutil

import numpy as np
import pytest
import xarray as xr

from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps import Sweep, as_axes, run_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT
from ntadyn.sweeps.refinement import Refinement, refine_sweep

ROWS, COLUMNS = np.linspace(0.1, 1.0, 65), np.linspace(0.01, 0.05, 65)
PLAN = Sweep(
    replaced(figure_5_published(), {"randomness.num_seeds": 3}),
    as_axes({BLOCK_DURATION: ROWS, GATE_TIME_CONSTANT: COLUMNS}),
)
SMALL = dataclasses.replace(PLAN, axes=as_axes({BLOCK_DURATION: ROWS[::8], GATE_TIME_CONSTANT: COLUMNS[::8]}))
LEVEL = 0.9


def alignment(rows, columns):
    """Falls from 1 to 0.7 across the curve columns = 0.03 rows."""
    return 0.85 + 0.15 * np.tanh((0.03 * rows - columns) / 0.002)


def made_up(tiled, tiles, done):
    for number in tiles:
        cells = np.asarray(tiled.tiles[number].cells)
        rows, columns = (
            np.asarray(axis.values)[index]
            for axis, index in zip(tiled.sweep.axes, np.unravel_index(cells, tiled.sweep.shape), strict=True)
        )
        values = np.repeat(alignment(rows, columns)[:, None], 3, axis=1)
        variables = {
            "alignment": (("cell", "seed"), values),
            "result": (("cell", "seed"), np.zeros((cells.size, 3), np.int32)),
        }
        done(number, xr.Dataset(variables, {"cell": ("cell", cells.astype(np.int32))}))


@pytest.fixture(scope="module")
def refined():
    reports = []
    return refine_sweep(PLAN, 8, compute=made_up, report=reports.append), reports


@pytest.mark.exhaustive
def test_five_times_fewer_cells_than_the_full_grid_are_run(refined):
    dataset, reports = refined
    evaluated = int(dataset.evaluated.sum())
    assert evaluated <= 65 * 65 / 5
    assert sum(reports) == 3 * evaluated
    np.testing.assert_array_equal((dataset.result == 0).all("seed"), dataset.evaluated)
    np.testing.assert_array_equal((dataset.result == -1).all("seed"), ~dataset.evaluated)


@pytest.mark.exhaustive
def test_the_border_is_as_fine_as_that_of_the_full_grid(refined):
    dataset, _ = refined
    mean = dataset.alignment.mean("seed").values
    full = alignment(ROWS[:, None], COLUMNS[None])
    for row in range(65):
        crossing, expected = (np.flatnonzero(np.diff(values >= LEVEL)) for values in (mean[row], full[row]))
        np.testing.assert_array_equal(crossing, expected)
    # Every square of neighbours that the level runs through has been run at all four corners.
    above = full >= LEVEL
    corners = np.stack([above[:-1, :-1], above[1:, :-1], above[:-1, 1:], above[1:, 1:]])
    on_border = corners.any(0) & ~corners.all(0)
    run = dataset.evaluated.values
    everywhere = run[:-1, :-1] & run[1:, :-1] & run[:-1, 1:] & run[1:, 1:]
    assert on_border.sum() > 60
    assert np.all(everywhere[on_border])


def test_cells_that_were_run_hold_what_was_found_and_others_what_lies_between(refined):
    dataset, _ = refined
    full = alignment(ROWS[:, None], COLUMNS[None])
    run = dataset.evaluated.values
    mean = dataset.alignment.mean("seed").values
    np.testing.assert_allclose(mean[run], full[run], rtol=1e-12)
    assert np.all(np.isfinite(mean))
    assert np.max(np.abs(mean - full)) < 0.15  # never beyond the values around


def nothing(tiled, tiles, done):
    assert list(tiles) == []


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The folder of a finished refinement, not to be changed, and its result."""
    folder = tmp_path_factory.mktemp("refined") / "tiles"
    return folder, refine_sweep(SMALL, 4, compute=made_up, folder=folder)


def check_folder(plan, stride, folder, compute=nothing, **choices):
    Refinement.make(plan, stride, **choices).check_folder(folder, compute)


@pytest.fixture
def kept(stored, tmp_path):
    return shutil.copytree(stored[0], tmp_path / "tiles")


@pytest.mark.slow
def test_a_refinement_is_resumed_even_if_its_manifests_are_lost(stored, kept):
    xr.testing.assert_equal(refine_sweep(SMALL, 4, compute=nothing, folder=kept), stored[1])
    for path in kept.rglob("sweep.json"):
        path.unlink()
    check_folder(SMALL, 4, kept)
    assert not list(kept.rglob("sweep.json"))
    xr.testing.assert_equal(refine_sweep(SMALL, 4, compute=nothing, folder=kept), stored[1])


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"level": 0.8}, "refinement.level: 0.9 there, 0.8 here"),
        ({"score": "contrast"}, "refinement.score"),
        ({"stride": 2}, "refinement.stride: 4 there, 2 here"),
    ],
)
def test_a_folder_belongs_to_one_way_to_refine(stored, changes, difference):
    arguments = {"stride": 4, "compute": nothing, "folder": stored[0]} | changes
    before = sorted(stored[0].rglob("*"))
    for attempt in (refine_sweep, check_folder):
        with pytest.raises(ValueError, match=f"(?s)belongs to another sweep.*{difference}"):
            attempt(SMALL, **arguments)
    with pytest.raises(ValueError, match="(?s)belongs to another sweep.*refinement"):
        run_sweep(SMALL, compute=nothing, folder=stored[0])
    assert sorted(stored[0].rglob("*")) == before


def test_a_round_of_another_sweep_is_noticed_before_anything_is_computed(stored, tmp_path):
    other = replaced(SMALL.configuration, {"penalties.strength": 0.3})
    (tmp_path / "tiles").mkdir()
    shutil.copytree(stored[0] / "round-00", tmp_path / "tiles" / "round-00")
    for attempt in (refine_sweep, check_folder):
        with pytest.raises(ValueError, match="(?s)round-00' belongs to another sweep.*strength"):
            attempt(dataclasses.replace(SMALL, configuration=other), stride=4, folder=tmp_path / "tiles")
    assert not (tmp_path / "tiles" / "sweep.json").exists()


def test_a_check_makes_no_folder(tmp_path):
    check_folder(SMALL, 4, tmp_path / "new")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stride", [0, 1, 3, 12])
def test_strides_that_are_no_power_of_two_are_refused(stride):
    with pytest.raises(ValueError, match=f"{stride} apart; choose a power of two"):
        refine_sweep(PLAN, stride, compute=made_up)


def test_one_axis_cannot_be_refined():
    one = Sweep(PLAN.configuration, PLAN.axes[:1])
    with pytest.raises(ValueError, match="needs two axes"):
        refine_sweep(one, 8, compute=made_up)
