import dataclasses

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.sandbrink_2024 import figure_a7
from experiments.sandbrink_2024.figure_a7 import numbers, simulation
from experiments.sandbrink_2024.figure_a7.cells import run_cells
from ntadyn.specs import presets
from ntadyn.specs.configuration import Curriculum, Randomness, Teachers
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.paths import replaced

ROUNDING = 1e-9  # of a few updates per block, amplified by sixty of them; 256 choices are about 1e-3 apart


@pytest.fixture(scope="module")
def small():
    """Two outputs and a short time: what cells are compared on."""
    return dataclasses.replace(
        presets.figure_a7_released(),
        teachers=Teachers(d_in=6, d_out=2),
        curriculum=Curriculum(block_duration=0.2, total_time=0.6),
        randomness=Randomness(num_seeds=2),
    )


@pytest.mark.slow
def test_a_cell_is_the_run_of_its_configuration(small):
    cells = {"time_constants.gates": np.array([0.01, 0.02]), "penalties.strength": np.array([0.3, 0.25])}
    found = run_cells(small, cells, np.array([20, 10]), window=0.6, dtype=jnp.float64)
    assert np.all(found.result == 0)
    for cell, duration in enumerate((0.2, 0.1)):
        changes = {path: float(values[cell]) for path, values in cells.items()}
        single = replaced(small, {**changes, "curriculum.block_duration": duration})
        rows = np.asarray(run_ensemble(single)[0].values["row_similarity"])[:, -1]
        # Whatever the matching, its alignment is a mean of four entries of these cosines, one for each teacher row.
        choices = [np.meshgrid(*item.reshape(4, -1), indexing="ij") for item in rows]
        for seed, one in enumerate(np.mean(choices, axis=1)):
            for name in ("alignment", "optimal_alignment"):
                assert np.abs(one - found[name].values[cell, seed]).min() < ROUNDING


def expected_maps():
    """Maps that hold what is expected, to the letter."""
    data = {}
    for (kind, convention), values in numbers.ANOTHER.items():
        coordinate, columns = numbers.COLUMNS[kind]
        series = ("row", "column", "seed"), np.repeat(values[:, :, None], 2, axis=2)
        data[f"{kind}_{convention}"] = xr.Dataset(
            {"alignment": series, "optimal_alignment": series, "result": (series[0], np.zeros(series[1].shape, int))},
            {"block_duration": ("row", list(numbers.BLOCK_DURATIONS)), coordinate: ("column", list(columns))},
        )
    return data


def test_expected_maps_are_accepted():
    rows = numbers.accept(expected_maps())
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
    assert sum("block" in row.name and "longest" not in row.name and "shortest" not in row.name for row in rows) == 100
    assert len({row.name for row in rows}) == len(rows)


def test_mirrored_columns_are_refused():
    data = expected_maps()
    left = data["layer_speed_published"]
    data["layer_speed_published"] = left.assign(alignment=left.alignment.isel(column=slice(None, None, -1)).variable)
    outside = [row for row in numbers.accept(data) if row.verdict is Verdict.OUTSIDE]
    assert sum(row.name.startswith("layer_speed, published") for row in outside) >= 5


def test_a_high_cell_among_those_drawn_below_the_colour_scale_is_refused():
    data = expected_maps()
    data["layer_speed_published"].alignment[2, 0] = 0.86
    outside = [row.name for row in numbers.accept(data) if row.verdict is Verdict.OUTSIDE]
    assert any(name.startswith("layer_speed, published: largest cell of those drawn below 0.7") for name in outside)


def test_diverged_repetitions_are_counted_and_crossed_out():
    data = expected_maps()
    data["penalty_released"].result[1, 2, 0] = 1
    assert numbers.accept(data)[0].measured.value == 1
    figure = figure_a7.plot(data)
    texts = [text.get_text() for text in figure.axes[3].texts]
    assert texts.count("x") == 1
    figure.canvas.draw()
    plt.close(figure)


def test_published_blocks_lose_steps_to_rounding():
    assert [simulation.steps_per_block(duration) for duration in simulation.BLOCK_DURATIONS] == [80, 59, 40, 20, 10]
