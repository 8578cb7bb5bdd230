import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments import figure_a10
from experiments.acceptance import Verdict, all_accepted
from experiments.specialisation_space import curves_of, dataset_of


@pytest.fixture(scope="module")
def data():
    return figure_a10.run(figure_a10.FAST)


def test_the_flow_lies_on_the_exact_curve(data):
    rows = figure_a10.accept(data)
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
    # The demanded rows are two forms of five curves.
    assert sum(row.verdict is Verdict.PASSED for row in rows) == 10


def test_a_shifted_curve_is_refused(data):
    flow = data["flow"].assign(wbar=data["flow"].wbar + 4e-4)
    rows = figure_a10.accept({"flow": flow})
    assert [row.verdict for row in rows[:5]] == [Verdict.OUTSIDE] * 5


def test_errors_are_those_of_a_target_mixed_at_the_start(data):
    flow = data["flow"]
    # At t = 0 path 2 answers (0, 1) with gate 1 while the smooth target has weight 0.960 on the first task.
    np.testing.assert_allclose(flow.error_1.values[:, 0], 0.960, atol=5e-4)
    np.testing.assert_allclose(flow.error_2.values[:, 0], -0.960, atol=5e-4)


def test_labels_lose_nothing(data):
    flow = data["flow"]
    again = dataset_of(curves_of(flow))
    assert again.identical(flow)


def test_picture_leaves_the_switch_at_the_end_out(data):
    figure = figure_a10.plot(data)
    errors = figure.axes[3]
    assert errors.get_ylim()[0] > -0.5
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_published_scheme_gives_the_stored_numbers():
    rows = figure_a10.accept(figure_a10.run(figure_a10.PARAMETERS))
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
    assert sum("t = 4.9975" in row.name and row.verdict is Verdict.PASSED for row in rows) == 4
