"""Experiments beside the theory in the plane, small: they run, are accepted or refused, and are drawn."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated
from experiments.stability import basins, border_maps, staircase
from experiments.stability.border_maps.numbers import maps

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimised")]


def outside(module: Any, data: Any) -> list[str]:
    return [row.name for row in module.accept(data) if row.verdict is Verdict.OUTSIDE]


def draw(module: Any, data: Any) -> None:
    figure = module.plot(data)
    figure.canvas.draw()
    plt.close(figure)


def test_the_staircase():
    """Runs climb to the upper end of the band, and the second stage grows as derived."""
    data: Any = simulated(staircase, staircase.FAST)
    assert outside(staircase, data) == []
    draw(staircase, data)
    data["second stage"].rate[:] *= 2
    data["staircase"].q[-1] *= 0.9
    assert len(outside(staircase, data)) == 3


@pytest.mark.exhaustive
def test_basins():
    data: Any = simulated(basins, basins.FAST)
    draw(basins, data)
    # Runs of small spread have reached the specialised orbit, and none has beyond the fold.
    names = {row.name: row for row in basins.accept(data)}
    assert names["runs in S beyond the fold of the band"].verdict is Verdict.PASSED
    assert names["labels that the copies of S take along tau_c"].verdict is Verdict.PASSED


@pytest.mark.exhaustive
def test_border_maps():
    data: Any = simulated(border_maps, border_maps.FAST)
    draw(border_maps, data)
    found = maps(data)
    assert list(found) == ["gate speed, scale 1", "penalty, scale 1"]
    for dataset in found.values():
        assert dataset.share.shape == (3, 3)
        assert np.all(dataset.seeds == 3)
        assert np.all(dataset.contact_probability >= dataset.predicted_share - 1e-6)
