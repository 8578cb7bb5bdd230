"""Sweeps in lanes: steps as an axis, checks under halved steps and nudges, crossed streams, single precision."""

import dataclasses

import jax
import numpy as np
import pytest

from ntadyn.simulation import FixedSteps
from ntadyn.specs import building
from ntadyn.sweeps import Precision, Streams, Sweep, as_axes
from ntadyn.sweeps.plan import BLOCK_DURATION
from tests.sweeps.counted_sweeps import TINY, alone, assert_same_cell, run

STEPS = (0.005, 0.01, 0.02, 0.04)
DOUBT = Sweep(
    TINY,
    as_axes({BLOCK_DURATION: (0.4, 0.6, 1.0), "max_step": STEPS}),
    streams=Streams(teachers=2, initial=3),
    check=0.8,
)


@pytest.fixture(scope="module")
def doubt():
    return run(DOUBT, tile_steps=3500)


@pytest.mark.exhaustive
def test_checks_are_taken_from_a_share_of_the_cells(doubt):
    sampled = np.isfinite(doubt.dataset.gate_error)
    for name in ("alignment_error", "perturbation"):
        np.testing.assert_array_equal(np.isfinite(doubt.dataset[name]), sampled)
    # All repetitions of a cell, or none.
    by_cell = sampled.values.reshape(12, 6)
    np.testing.assert_array_equal(by_cell.all(axis=1), by_cell.any(axis=1))
    assert 0 < by_cell[:, 0].sum() < 12
    assert "halved" in doubt.dataset.gate_error.attrs["long_name"]
    assert len(doubt.tiled.programs) == 2


@pytest.mark.exhaustive
def test_the_error_that_is_told_is_that_of_a_second_order_step(doubt):
    error = doubt.dataset.gate_error
    ratios = (error.values[:, 1:] / error.values[:, :-1]).ravel()
    ratios = ratios[np.isfinite(ratios)]
    assert len(ratios) > 12
    # Events inside steps scatter single ratios.
    assert np.median(ratios) == pytest.approx(4.0, abs=0.4)


@pytest.mark.slow
def test_the_error_is_the_change_of_gates_under_halved_steps(doubt):
    # What the sweep itself finds at half the step: gates at the end change by no more than the largest recorded change.
    gates, error = doubt.dataset.gates.values, doubt.dataset.gate_error.values
    change = np.abs(gates[:, 1:] - gates[:, :-1]).max(axis=-1)
    sampled = np.isfinite(error[:, 1:])
    assert np.all(change[sampled] <= error[:, 1:][sampled] + 1e-12)
    assert np.any(change[sampled] > 0.5 * error[:, 1:][sampled])


@pytest.mark.slow
def test_a_nudge_is_told_by_how_far_it_moves_the_gates(doubt):
    moved = doubt.dataset.perturbation.values
    moved = moved[np.isfinite(moved)]
    # A start that is off by 1e-6 of 0.5 shows up as at least a good part of that.
    assert np.all(moved > 1e-8)
    assert np.median(moved) < 1e-4


@pytest.mark.slow
def test_streams_are_crossed_and_named(doubt):
    dataset = doubt.dataset
    np.testing.assert_array_equal(dataset.teachers_seed, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(dataset.initial_seed, [0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(dataset.data_seed, 0)
    keys = building.keys_of(0, DOUBT.repetitions())
    teachers = np.asarray(jax.vmap(lambda key: building.build_tasks(TINY.teachers, key).teachers)(keys.teachers))
    np.testing.assert_array_equal(teachers[0], teachers[2])
    assert np.abs(teachers[0] - teachers[3]).max() > 0.1
    assert len(np.unique(dataset.loss.isel(block_duration=0, max_step=0))) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("row", "column", "seed"), [(0, 0, 0), (2, 0, 4)])
def test_lanes_follow_the_simulation_of_their_parameters(doubt, row, column, seed):
    trajectory = alone(DOUBT, 4 * row + column, seed, FixedSteps(max_step=0.0025))
    cell = doubt.dataset.isel(block_duration=row, max_step=column, seed=seed)
    # Both are of second order, in different steps.
    assert_same_cell(cell, trajectory, atol=2e-4)


@pytest.mark.slow
def test_single_precision_runs_the_same_repetitions(doubt):
    plan = dataclasses.replace(DOUBT, precision=Precision.SINGLE, check=0.0)
    single = run(plan).dataset
    assert single.attrs["precision"] == "float32"
    assert {single[name].dtype for name in ("gates", "loss", "alignment")} == {np.dtype("float32")}
    # Hundreds of steps of rounding, on trajectories that sit on no separatrix.
    for name in ("gates", "loss", "alignment", "contrast"):
        np.testing.assert_allclose(single[name], doubt.dataset[name], rtol=0, atol=1e-4)
