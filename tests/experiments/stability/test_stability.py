"""Long runs, the half-stable orbit, the runaway: what is demanded of made-up results, and quick runs."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.stability import half_stable, long_runs, runaway
from experiments.stability.half_stable.numbers import COMPARED, NUMBER, RETURN
from experiments.stability.half_stable.simulation import NOISES, SIZES

ORBIT = 0.9762


def made_up(shares):
    """Disturbed runs of which some are at S after as many blocks as another program had, and the others far away."""
    blocks, at = COMPARED, np.arange(NUMBER)[None, :] < np.round(NUMBER * np.asarray(shares))[:, None]
    ends = np.where(at, ORBIT, 1.5)
    once = xr.Dataset(
        {
            "distance": (("size", "run", "block"), np.repeat(ends[..., None], blocks, axis=-1)),
            "orbit_distance": ORBIT,
            "orbit_residual": 1e-13,
            "multiplier": ("direction", np.array([-1.0005, 0.98])),
        },
        {"size": list(SIZES)},
    )
    always = {"distance": (("noise", "run", "block"), np.full((len(NOISES), 2, blocks), 1.1))}
    return {"once": once, "always": xr.Dataset(always, {"noise": list(NOISES)})}


def test_shares_as_told_are_accepted_and_drawn_and_none_at_all_refused():
    told, none = made_up([RETURN[size] for size in SIZES]), made_up([0.0] * len(SIZES))
    assert all_accepted(half_stable.accept(told))
    outside = [row.name for row in half_stable.accept(none) if row.verdict is Verdict.OUTSIDE]
    assert len(outside) == len(SIZES)
    figure = half_stable.plot(told)
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.exhaustive  # they compile for long; `tests/stability/test_specialised.py` has the same in small
@pytest.mark.parametrize("experiment", [long_runs, half_stable, runaway])
def test_quick_runs(experiment):
    data = simulated(experiment, experiment.FAST)
    assert all_accepted(experiment.accept(data))
    plt.close(experiment.plot(data))
