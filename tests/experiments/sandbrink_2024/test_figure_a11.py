import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a11

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return simulated(figure_a11, figure_a11.FAST)


def test_numbers(data):
    rows = figure_a11.accept(data)
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]


def test_starts_where_figure_a10_was(data):
    # The stored state at t = 1.25 for tau_c/tau_W = 0.1, path by path, with the target (0, 1).
    flow = data["flow"].isel(ratio=0, record=0)
    np.testing.assert_allclose(flow.gates, (0.954597, 0.050775), atol=2e-4)
    np.testing.assert_allclose(flow.weights, ((-0.049848, 1.043804), (0.947592, 0.050594)), atol=2e-4)


def test_goes_on_with_the_task_that_was_in_force(data):
    flow = data["flow"]
    middles = [flow.isel(record=int(np.argmin(np.abs(flow.time.values - middle)))) for middle in (2.5, 7.5)]
    # Errors are those of y against (0, 1) in every block, as in figure A10.
    assert np.all(np.abs(middles[0].error_1) < 0.05)
    assert np.all(middles[1].error_1 > 0.95)


def test_staying_on_the_curve_of_one_block_is_refused(data):
    flow = data["flow"]
    rows = figure_a11.accept({"flow": flow.assign(wbar=flow.exact)})
    assert [row.verdict for row in rows[:2]] == [Verdict.OUTSIDE] * 2


def test_growth_without_a_shut_gate_is_refused(data):
    flow = data["flow"]
    positive = flow.assign(gates=np.abs(flow.gates) + 1e-6)
    rows = figure_a11.accept({"flow": positive})
    broken = [row for row in rows if "both gates positive" in row.name and row.verdict is Verdict.OUTSIDE]
    assert len(broken) == 5


def test_picture_marks_the_switches(data):
    figure = figure_a11.plot(data)
    assert [ax.get_title(loc="left") for ax in figure.axes[:6]] == list("ABCDEF")
    marks = [line.get_xdata()[0] for line in figure.axes[5].lines if len(line.get_xdata()) == 2]
    assert marks == [5.0, 10.0, 15.0]
    figure.canvas.draw()
    plt.close(figure)
