"""The bifurcation diagram and designed curricula at small sizes: accepted, refused where broken, and drawn."""

import importlib

import matplotlib.pyplot as plt
import pytest

from experiments.harness.acceptance import Verdict
from experiments.harness.experiment import simulated

pytestmark = pytest.mark.slow


def break_fold(data) -> None:
    data["grazing 1"]["fold"] = data["grazing 1"].fold * 1.001


def break_lengths(data) -> None:
    data["2 blocks"].length[:] *= 1.01


@pytest.mark.parametrize(
    ("name", "break_it"),
    [("bifurcation", break_fold), pytest.param("curricula", break_lengths, marks=pytest.mark.exhaustive)],
)
def test_it_is_accepted_can_be_refused_and_drawn(name, break_it):
    experiment = importlib.import_module(f"experiments.stability.{name}")
    data = simulated(experiment, experiment.FAST)
    assert [row for row in experiment.accept(data) if row.verdict is Verdict.OUTSIDE] == []
    drawn = experiment.plot(data)
    drawn.canvas.draw()
    plt.close(drawn)
    break_it(data)
    assert any(row.verdict is Verdict.OUTSIDE for row in experiment.accept(data))
