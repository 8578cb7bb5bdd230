"""Noise of batches: what is demanded of made-up results, and that a cell is simulated."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.beyond import noise
from experiments.beyond.noise import numbers, simulation
from experiments.harness.acceptance import Verdict

SEEDS = 100
DURATIONS = [0.4, 1.0]


def cell(alignments, shares, flipped):
    """Repetitions whose means are those of a table, by sizes of batches."""
    place = np.arange(SEEDS) / SEEDS
    aligned = [np.where(place < (0.5 if np.isnan(share) else share), 0.95, 0.5) for share in shares]
    means = zip(aligned, alignments, shares, strict=True)
    spread = np.stack([one + told - one.mean() if np.isnan(share) else one for one, told, share in means])
    turned = np.stack([place < share for share in (*flipped, 0.0)]).astype(int)
    sizes = list(simulation.TABLE_BATCHES)
    return xr.Dataset(
        {
            "alignment": (("batch", "seed"), spread),
            "first_path": (("batch", "seed"), turned),
            "result": (("batch", "seed"), np.zeros((3, SEEDS), int)),
        },
        {"batch_size": ("batch", sizes), "kappa": ("batch", 0.1 / np.asarray(sizes))},
    )


@pytest.fixture
def data():
    told = numbers.TABLE["short blocks"]
    over = ("batch", "block_duration", "seed")
    made = {"alignment": (over, np.full((3, 2, 4), 0.9)), "first_path": (over, np.zeros((3, 2, 4), int))}
    made["result"] = (over, np.zeros((3, 2, 4), int))
    batches = {"kappa": ("batch", [0.1, 0.01, 1e-6]), "block_duration": DURATIONS}
    limit = (("batch_noise", "block_duration", "seed"), np.full((2, 2, 4), 0.9))
    return {
        "short blocks": cell(told[0], told[2], told[3]),
        "map": xr.Dataset(made, batches),
        "limit": xr.Dataset(
            {"alignment": limit, "result": (limit[0], np.zeros((2, 2, 4), int))},
            {"batch_noise": [0.0, 0.5], "block_duration": DURATIONS},
        ),
    }


def outside(data):
    return {row.name for row in noise.accept(data) if row.verdict is Verdict.OUTSIDE}


def test_results_as_told_are_accepted_and_drawn_and_others_refused(data):
    assert outside(data) == set()
    drawn = noise.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    data["map"].alignment[1] = 0.5
    data["short blocks"].first_path[:] = 0
    broken = outside(data)
    assert "map: alignment lost below kappa .02, mean over block lengths, at most" in broken
    assert "short blocks, batches of 1 (kappa 0.1): paths take other tasks" in broken


@pytest.mark.slow
def test_a_cell_is_simulated():
    found = simulation.table("short blocks", 24)
    assert int(found.result.max()) == 0
    np.testing.assert_allclose(found.kappa, [0.105, 0.0105, 1.05e-6])
    lost = found.alignment.mean("seed")
    assert float(lost[0]) < float(lost[-1]) - 0.01
    assert float(simulation.flips(found)[:2].max()) == 1
    assert float(simulation.flips(found)[-1].max()) == 0
