"""Sweeps from plan to labelled result, by whomever they are computed, in one go or resumed."""

import dataclasses
import json

import jax
import numpy as np
import pytest
import xarray as xr

from ntadyn.simulation import Updates
from ntadyn.specs.paths import replaced, to_json
from ntadyn.sweeps import OUTCOME, Axis, Precision, Streams, Threads, engine, layout, program, run_sweep, surroundings
from ntadyn.sweeps.engine import run_tiles
from ntadyn.sweeps.plan import GATE_TIME_CONSTANT, STRENGTH, WEIGHT_TIME_CONSTANT
from tests.sweeps.counted_sweeps import BATCHES, SMALL, TINY, alone, assert_same_cell, run

GOOD = slice(2, None)
TILE_STEPS = 600  # one row


@pytest.fixture(scope="module")
def small():
    return run(SMALL, tile_steps=TILE_STEPS)


@pytest.mark.slow
def test_block_lengths_share_one_program(small):
    assert len(small.tiled.tiles) == 3
    assert len(small.tiled.programs) == 1
    # One trace for the shapes of the results, one for the program.
    assert small.num_traces == 2


def test_progress_counts_every_trajectory_once(small):
    assert len(small.reports) == len(small.tiled.tiles)
    assert sum(small.reports) == 3 * 4 * 3


def test_results_are_labelled(small):
    dataset = small.dataset
    assert dict(dataset.sizes) == {"block_duration": 3, "gate_time_constant": 4, "seed": 3, "path": 2}
    for name in ("alignment", "last_alignment", "published_alignment", "contrast", "loss", "result"):
        assert dataset[name].dims == ("block_duration", "gate_time_constant", "seed")
        assert dataset[name].attrs["long_name"]
        assert dataset[name].attrs["units"] == "1"
    assert dataset.gates.dims == ("block_duration", "gate_time_constant", "seed", "path")
    for name, axis in zip(("block_duration", "gate_time_constant"), SMALL.axes, strict=True):
        np.testing.assert_array_equal(dataset[name], axis.values)
        assert dataset[name].attrs == {"long_name": axis.label, "parameter": axis.path}
    assert dataset.result.dtype == np.int32
    assert dataset.attrs["name"] == "small"
    assert dataset.attrs["configuration"] == to_json(BATCHES)
    assert json.loads(dataset.attrs["configuration"])["dynamics"] == "ONLINE"
    assert dataset.attrs["precision"] == "float64"
    assert dataset.attrs["max_step"] == pytest.approx(0.05)
    assert dataset.attrs["compile_seconds"] > 0
    assert dataset.attrs["run_seconds"] > 0
    # Blocks of 0.15 leave one of 0.05 at the end, all others are whole numbers of steps: 40 in each case.
    assert dataset.attrs["mean_steps"] == pytest.approx(40.0)
    assert "gate_error" not in dataset


def test_diverging_trajectories_are_reported_and_the_rest_is_kept(small):
    dataset = small.dataset
    finite = np.isfinite(dataset.gates).all("path")
    np.testing.assert_array_equal(dataset.result == 0, finite)
    np.testing.assert_array_equal(dataset.result[:, :2], 1)
    np.testing.assert_array_equal(dataset.result[:, GOOD], 0)
    assert "1 diverged" in dataset.result.attrs["long_name"]
    for name in ("alignment", "last_alignment", "published_alignment", "contrast", "loss"):
        assert np.all(np.isfinite(dataset[name].values[:, GOOD]))


@pytest.mark.parametrize(("row", "column", "seed"), [(0, 2, 0), (0, 3, 2), (2, 2, 1)])
def test_a_cell_is_the_simulation_of_its_parameters_alone(small, row, column, seed):
    trajectory = alone(SMALL, 4 * row + column, seed, Updates(0.05))
    # Batched kernels may take sums in another order than those of a single run.
    assert_same_cell(small.dataset.isel(block_duration=row, gate_time_constant=column, seed=seed), trajectory, 1e-12)


@pytest.mark.parametrize("compute", [Threads(1), Threads(3, (jax.devices()[0],))], ids=["one thread", "three"])
def test_results_do_not_depend_on_who_computes(small, compute):
    again = xr.concat(run_tiles(small.tiled, compute, None, None), "cell")
    for name in small.dataset.data_vars:
        whole = small.dataset[name].values.reshape(-1, *small.dataset[name].shape[2:])
        np.testing.assert_array_equal(again[name], whole[again.cell])
    assert len(small.tiled.programs) <= 2  # a device that is named has a program of its own


def test_a_stopped_sweep_goes_on_where_it_was(small, tmp_path):
    first, second = [], []

    def stopped(tiled, tiles, done):
        for tile in tiles:
            if len(first) == 2:
                raise KeyboardInterrupt
            done(tile, tiled.compute(tile))

    before = small.tiled.computed
    with pytest.raises(KeyboardInterrupt):
        run_tiles(small.tiled, stopped, tmp_path, first.append)
    resumed = run_tiles(small.tiled, Threads(1), tmp_path, second.append)
    uninterrupted = run_tiles(small.tiled, Threads(1), None, None)
    for again, whole in zip(resumed, uninterrupted, strict=True):
        xr.testing.assert_identical(again.load(), whole[list(again)])
    # Tiles that were found count as done, each once, and not as computed.
    assert small.tiled.computed - before == 2 * sum(second)  # once in two parts, once without a folder
    assert second[:2] == first
    assert sum(second) == 3 * 4 * 3

    def idle(tiled, tiles, done):
        assert list(tiles) == []

    for again, before in zip(run_tiles(small.tiled, idle, tmp_path, None), resumed, strict=True):
        xr.testing.assert_identical(again, before)


def last_time(record):
    return record.times[-1]


@pytest.mark.slow
def test_a_folder_belongs_to_its_sweep(small, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "OTHER_TILE_STEPS", TILE_STEPS)
    run_tiles(small.tiled, Threads(1), tmp_path, None)
    monkeypatch.setattr(program, "integrate_batch", lambda *args: pytest.fail("compiled before the folder was refused"))
    slower = replaced(BATCHES, {WEIGHT_TIME_CONSTANT: 2.0})
    others = {
        "configuration.time_constants.weights: 1.0 there, 2.0 here": {"configuration": slower},
        "precision": {"precision": Precision.SINGLE},
        "axes.1.time_constants.gates": {"axes": (SMALL.axes[0], Axis(GATE_TIME_CONSTANT, (0.0005, 0.001, 0.5, 0.8)))},
    }
    for difference, changes in others.items():
        with pytest.raises(ValueError, match=f"(?s)belongs to another sweep.*{difference}"):
            run_sweep(dataclasses.replace(SMALL, **changes), folder=tmp_path)
    # What computes it is part of a sweep, too: tiles of other code, versions or devices are not used.
    made = surroundings.surroundings()
    for difference, name, value in (
        ("computed by.code: .* there, .*ffff.* here", "code_of", lambda module: "ffff"),
        ("computed by.jax: .* there, .*0.0.0.* here", "_versions", lambda: {"jax": "0.0.0"}),
        ("computed by.device: .*cpu.* there, .*gpu: H100.* here", "_kind", lambda device: "gpu: H100"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(surroundings, name, value)
            with pytest.raises(ValueError, match=f"(?s)belongs to another sweep.*{difference}"):
                run_sweep(SMALL, folder=tmp_path)
    before = jax.config.values["jax_default_matmul_precision"]
    jax.config.update("jax_default_matmul_precision", "highest")
    try:
        with pytest.raises(ValueError, match="settings.jax_default_matmul_precision: .*None.* there, .*highest.* here"):
            run_sweep(SMALL, folder=tmp_path)
    finally:
        jax.config.update("jax_default_matmul_precision", before)
    assert json.loads(small.dataset.attrs["computed_by"]) == made
    more = OUTCOME.and_also(scores={"loss": last_time})
    with pytest.raises(ValueError, match="(?s)measures.scores.loss: .*scores.loss.* there, .*last_time.* here"):
        run_sweep(SMALL, more, folder=tmp_path)


def test_tiles_cut_in_another_way_are_not_mixed(small, tmp_path):
    identity = small.tiled.identity()
    swapped = dataclasses.replace(small.tiled, tiles=small.tiled.tiles[::-1])
    assert {name for name, value in swapped.identity().items() if value != identity[name]} == {
        "cells and steps of tiles"
    }
    assert json.loads(json.dumps(identity)) == identity


def test_the_short_form_is_the_long_one(monkeypatch):
    asked = []

    def remembered(*args, **kwargs):
        asked.append((args, kwargs))
        return xr.Dataset()

    monkeypatch.setattr(engine, "run_sweep", remembered)
    engine.sweep(TINY, {STRENGTH: np.array([0.1, 0.2])}, 4)
    engine.sweep(TINY, {STRENGTH: (0.1, 0.2)}, Streams(2, 3), folder=None)
    (four, _), _ = asked[0]
    (crossed, _), _ = asked[1]
    assert len(four.repetitions()) == 4
    assert four.axes == crossed.axes == (Axis(STRENGTH, (0.1, 0.2)),)
    assert crossed.streams == Streams(2, 3)
