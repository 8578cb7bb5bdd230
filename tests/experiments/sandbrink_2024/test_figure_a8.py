import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a8
from experiments.sandbrink_2024.figure_a8.simulation import terms


@pytest.fixture(scope="module")
def data():
    return simulated(figure_a8, figure_a8.FAST)


def test_the_kernel_of_the_network_is_the_closed_form(data):
    rows = figure_a8.accept(data)
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]


def test_values_of_the_kernel_itself():
    # By hand: paths (0, 1), (1, 0) with gates (0, 1); all equal; paths (0.1, 0.9), (0.9, 0.1).
    found = terms(np.array([0.0, 0.5, 0.1]), np.array([1.0, 0.5, 0.9]))
    np.testing.assert_allclose(found["both"], [4, 1, 2.92], rtol=0, atol=1e-14)
    np.testing.assert_allclose(found["through_gates"], [2, 0, 1.28], rtol=0, atol=1e-14)


def test_exchanged_terms_are_refused(data):
    grid = data["grid"].rename(through_gates="through_weights", through_weights="through_gates")
    rows = figure_a8.accept(data | {"grid": grid})
    assert [row.verdict for row in rows[:2]] == [Verdict.OUTSIDE] * 2


def test_panels_are_masked_beyond_the_solutions(data):
    figure = figure_a8.plot(data)
    shown = figure.axes[0].collections[0].get_array()
    points = len(data["grid"].a)
    assert np.ma.count(shown) == points * (points + 1) // 2
    figure.canvas.draw()
    plt.close(figure)
