import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.continual import den_grow as experiment
from experiments.continual.den_grow import numbers, simulation
from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated

# The quick run takes half a minute, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return simulated(experiment, simulation.Parameters(d_out=3, d_in=8, num_seeds=2, num_angles=6, num_noises=9))


def test_it_is_accepted(data):
    rows = experiment.accept(data)
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]


def test_other_counts_are_refused(data):
    changed = {name: dataset.copy(deep=True) for name, dataset in data.items()}
    changed["sequence"].alive[0, 0, -1] += 1
    changed["angles"].expanded[:] = 1
    changed["noise"].alive[:] = 3
    outside = [row.name for row in experiment.accept(changed) if row.verdict is Verdict.OUTSIDE]
    assert outside == [
        "nine blocks, residual start: largest error of a count",
        "paths at the start, all angles: share as predicted",
        "noise: share with 5 paths where predicted",
        "noise: share with 9 paths where predicted",
    ]


def test_predictions():
    assert numbers.thresholds_are_the_defaults()
    expanded, kept = numbers.predicted(np.asarray([0.97, 0.98, 0.994, 0.996, 1.0]))
    assert expanded.tolist() == [2, 1, 1, 1, 1]
    assert kept.tolist() == [2, 2, 2, 1, 1]
    paths = numbers.paths_with_noise(np.asarray([0.0, 0.16, 0.19, 0.23, 0.3]))
    np.testing.assert_array_equal(paths, [3, np.nan, 5, np.nan, 9])


def test_plot(data):
    drawn = experiment.plot(data)
    assert [ax.get_title(loc="left") for ax in drawn.axes] == list("ABC")
    drawn.canvas.draw()
    plt.close(drawn)
