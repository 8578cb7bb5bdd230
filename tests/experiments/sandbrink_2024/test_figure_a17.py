import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a17
from experiments.sandbrink_2024.figure_a17 import numbers


@pytest.fixture(scope="module")
def data():
    return simulated(figure_a17, figure_a17.FAST)


def test_rows_pass_and_the_valleys_are_where_they_should_be(data):
    rows = figure_a17.accept(data)
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
    ends = data["penalties"].end
    np.testing.assert_allclose(ends.sel(penalty="L1").values.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.hypot(*ends.sel(penalty="L2").values.T), 1.0, atol=1e-6)


def test_a_norm_that_did_specialise_would_be_refused(data):
    penalties = data["penalties"].copy(deep=True)
    penalties["end"].loc[{"penalty": "L1"}] = penalties.end.sel(penalty="both").values
    outside = [row.name for row in numbers.accept(penalties) if row.verdict is Verdict.OUTSIDE]
    assert outside == ["L1: share of flows that end with one gate"]


def test_specialised_means_one_gate_of_one_and_another_of_zero():
    gates = np.array([[1.0, 0.0], [0.01, 1.0], [0.5, 0.5], [1.0, 1.0], [0.0, 0.0], [0.0, -1.0]])
    assert list(numbers.is_specialised(gates)) == [True, True, False, False, False, False]


def test_plot(data):
    figure = figure_a17.plot(data)
    assert [ax.get_title(loc="left") for ax in figure.axes[:3]] == list("ABC")
    figure.canvas.draw()
    plt.close(figure)
