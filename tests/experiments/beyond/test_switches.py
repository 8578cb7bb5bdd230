"""The map of switching: what it reads off, what it leaves out, and that quick runs find it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.beyond import switches
from experiments.beyond.switches import numbers, simulation
from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated

LENGTHS, RATES, RATIOS, SEEDS = (200, 400), (0.02,), (1.0, 10.0, 20.0), 2


@pytest.fixture(scope="module")
def cells():
    """Slow gates as slow as the partner, fast ones ten times faster, the fastest forbidden."""
    shape = (len(LENGTHS), len(RATES), len(RATIOS), SEEDS)
    steps = np.broadcast_to(np.array([100.0, 10.0, np.nan])[:, None], shape)
    dims = ("length", "weight_rate", "ratio", "seed")
    partner = ("length", "weight_rate", "seed")
    nothing = np.where(np.isnan(steps), np.nan, 0.0)
    return xr.Dataset(
        {
            "steps": (dims, steps),
            "missed": (dims, nothing),
            "switching": (dims, np.broadcast_to(np.array([0.0, 1.0, np.nan])[:, None], shape)),
            "loss": (dims, nothing),
            "partner_steps": (partner, np.full((2, 1, SEEDS), 100.0)),
            "partner_missed": (partner, np.zeros((2, 1, SEEDS))),
            "result": (("length", "lane", "seed"), np.zeros((2, 3, SEEDS), int)),
        },
        {"length": list(LENGTHS), "weight_rate": list(RATES), "ratio": list(RATIOS)},
    )


@pytest.fixture(scope="module")
def softmax():
    cures = ["none", "T = 2", "rate 1/4", "floor 0.4, k 1"]
    shape = (len(cures), SEEDS)
    steps = np.broadcast_to(np.array([120.0, 130.0, 130.0, 5.0])[:, None], shape)
    dims = ("cure", "seed")
    variables = {
        "steps": (dims, steps),
        "switching": (dims, (steps < 50) * 1.0),
        "result": (dims, np.zeros(shape, int)),
    }
    variables |= {name: (dims, np.full(shape, 0.1)) for name in ("missed", "loss", "largest_gate")}
    variables |= {name: ("seed", np.full(SEEDS, 100.0)) for name in ("partner_steps", "flexible_steps")}
    return xr.Dataset(variables, {"cure": cures})


def test_advantage_is_how_many_times_longer_the_partner_takes(cells):
    gain = numbers.advantage(cells).isel(weight_rate=0)
    np.testing.assert_allclose(gain.sel(length=200, ratio=[1.0, 10.0]), [1, 10], rtol=1e-12)
    assert np.isnan(gain.sel(ratio=20.0)).all()
    assert numbers.switches(cells).isel(weight_rate=0, length=0).values.tolist() == [False, True, False]
    lost = cells.assign(missed=cells.missed + 1, partner_missed=cells.partner_missed + 1)
    assert np.isnan(numbers.advantage(lost)).all()  # where neither finds anything, nobody is ahead


def test_what_the_penalty_forbids_is_left_out():
    assert simulation.is_stable(0.02, 10.0)
    assert not simulation.is_stable(0.02, 20.0)


def test_rows_and_plot(cells, softmax):
    data = {"small": cells, "usual": cells, "softmax": softmax}
    rows = {row.name: row for row in switches.accept(data)}
    assert not [name for name, row in rows.items() if row.verdict is Verdict.OUTSIDE]
    assert rows["small weights: share of cells that switch"].measured.value == pytest.approx(0.5)
    drawn = switches.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    collapsed = softmax.copy(deep=True)
    collapsed["switching"].loc[{"cure": "floor 0.4, k 1"}] = 0.0
    missed = [row.name for row in switches.accept(data | {"softmax": collapsed}) if row.verdict is Verdict.OUTSIDE]
    assert missed == ["softmax, floor 0.4, k 1: switching"]


@pytest.mark.slow
def test_fast_run_finds_all_of_it(optimised):
    found = simulated(switches, switches.FAST)
    assert found["small"].steps.shape == (1, 1, 2, 2)
    missed = [row.name for row in switches.accept(found) if row.verdict is Verdict.OUTSIDE]
    assert missed == []
