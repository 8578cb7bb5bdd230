import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_5_doubt as figure
from experiments.sandbrink_2024.figure_5_doubt import numbers

DURATIONS, GATES = [0.1, 0.4, 0.6, 0.8, 1.0], [0.01, 0.02, 0.03, 0.04, 0.05]


def sweep(alignment, **others):
    """A map at the cells of the article from values of shape (5, 5, repetitions)."""
    variables = {"alignment": alignment, "published_alignment": alignment} | others
    variables["result"] = np.zeros(alignment.shape, int)
    dims = ("block_duration", "gate_time_constant", "seed")
    return xr.Dataset(
        {name: (dims, values) for name, values in variables.items()},
        {"block_duration": DURATIONS, "gate_time_constant": GATES},
    )


@pytest.fixture
def scattered():
    """Ten repetitions per cell, with a standard deviation of 0.1 in the first row and of 0.001 elsewhere."""
    sd = np.full((5, 5, 1), 0.001)
    sd[0] = 0.1
    pattern = np.linspace(-1, 1, 10)
    return 0.8 + sd * pattern / pattern.std(ddof=1)


def test_chance_explains_what_two_means_may_differ_by(scattered):
    dataset = sweep(scattered)
    stored = np.full((5, 5), 0.8)
    stored[0, 0] += 0.13  # 3 sqrt(2/10) 0.1 = 0.134
    stored[0, 1] += 0.14
    stored[1, 0] += 0.019
    stored[1, 1] -= 0.021
    dataset_numbers = numbers.STORED | {"made up": stored}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "STORED", dataset_numbers)
        distance, allowed = numbers.distances(dataset, "made up")
        rows = numbers.stored("map", dataset, "made up")
    np.testing.assert_allclose(distance[0, :2], [0.13, 0.14], atol=1e-12)
    assert np.argwhere(np.abs(distance) > allowed).tolist() == [[0, 1], [1, 1]]
    assert rows[0].measured.value == 23
    assert rows[1].measured.value == pytest.approx(0.14)


def test_errors_of_the_step_are_noticed(scattered):
    small = np.full(scattered.shape, 1e-4)
    steady = {"gate_error": small, "perturbation": small}
    assert all_accepted(numbers.resolution("map", sweep(scattered, alignment_error=small, **steady)))
    large = np.where(np.arange(10) < 3, 0.03, small)
    rows = {row.name: row for row in numbers.resolution("map", sweep(scattered, alignment_error=large, **steady))}
    outside = [name for name, row in rows.items() if row.verdict is Verdict.OUTSIDE]
    assert len(outside) == 2
    assert rows["map: share with an alignment error < 0.002"].measured.value == pytest.approx(0.7)
    # The means of the first row are off by less than 0.0316/10 too, but those of no other row.
    assert rows[outside[1]].measured.value == 0


def test_sensitive_trajectories_and_separatrices_are_told_apart(scattered):
    moved = np.full(scattered.shape, 1e-5)
    moved[0, 0, 0], moved[0, 1, 0] = 0.01, 0.5
    errors = {"alignment_error": moved * 0, "gate_error": np.where(moved > 1e-3, 1.0, 1e-4)}
    rows = {
        row.name: row.measured.value for row in numbers.resolution("m", sweep(scattered, perturbation=moved, **errors))
    }
    assert rows["m: share of sensitive trajectories"] == pytest.approx(2 / 250)
    assert rows["m: share of trajectories on a separatrix"] == pytest.approx(1 / 250)
    assert rows["m: gate error, 99 % are below, without sensitive trajectories"] == pytest.approx(1e-4)


@pytest.mark.slow
def test_quick_run_draws_both_maps_and_the_stored_cells():
    data = simulated(figure, dataclasses.replace(figure.FAST, num_seeds=2))
    assert set(data) == {"gate_speed", "penalty", "gate_speed_stored", "penalty_stored"}
    assert np.isfinite(data["penalty"].alignment_error).all()
    assert all_accepted(figure.accept(data))
    drawn = figure.plot(data)
    drawn.canvas.draw()
    assert [ax.get_title() for ax in drawn.axes[:4]][1:3] == ["spread of the repetitions", "error of the time step"]
    plt.close(drawn)
