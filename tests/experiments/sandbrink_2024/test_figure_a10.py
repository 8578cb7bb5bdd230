import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a10
from experiments.sandbrink_2024.figure_a10 import numbers
from experiments.sandbrink_2024.runs.specialisation import BLOCK_DURATION, HARDNESS, curves_of, dataset_of
from ntadyn.tasks import Smooth


@pytest.fixture(scope="module")
def data():
    return simulated(figure_a10, figure_a10.FAST)


@pytest.mark.slow
def test_the_flow_lies_on_the_exact_curve(data):
    rows = figure_a10.accept(data)
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
    # The demanded rows are two forms of five curves, and five rows for both sides of the assumptions.
    assert sum(row.verdict is Verdict.PASSED for row in rows) == 15


def test_the_flow_is_as_far_from_the_stored_numbers_as_the_rounding_of_their_scheme(data):
    early, late = [row.measured.value for row in figure_a10.accept(data) if "from stored numbers" in row.name]
    assert early < 2e-4
    assert 2e-4 < late < 1e-3


def test_a_shifted_curve_is_refused(data):
    flow = data["flow"].assign(wbar=data["flow"].wbar + 4e-4)
    rows = figure_a10.accept({"flow": flow})
    assert [row.verdict for row in rows[:5]] == [Verdict.OUTSIDE] * 5


def test_errors_are_those_of_the_outputs_against_the_published_target(data):
    flow = data["flow"]
    # Path 2, with gate 1, answers (1, 0) to the target (0, 1), although the smooth target still has 4 % of the other.
    np.testing.assert_array_equal(flow.error_1.values[:, 0], 1.0)
    np.testing.assert_array_equal(flow.error_2.values[:, 0], -1.0)


def test_labels_are_the_published_ones(data):
    flow = data["flow"]
    np.testing.assert_array_equal(flow.gates.values[:, 0], np.tile([0.0, 1.0], (5, 1)))
    np.testing.assert_array_equal(flow.weights.values[:, 0], np.tile([[0.0, 1.0], [1.0, 0.0]], (5, 1, 1)))
    np.testing.assert_allclose(0.5 * (flow.wbar_1 + flow.wbar_2), flow.wbar, atol=1e-14)
    # Published panel C lies below its diagonal: the output of the new task is learned first.
    learning = (flow.error_1.values > 0.05) & (flow.error_1.values < 0.5)
    assert np.all((-flow.error_2.values < flow.error_1.values)[learning])
    # At the end of the slowest curve of panel B, wbar_2 is the larger one.
    assert float((flow.wbar_2 - flow.wbar_1)[-1, -1]) > 0.02


def exchanged(flow):
    return flow.assign(wbar_1=flow.wbar_2, wbar_2=flow.wbar_1, error_1=-flow.error_2, error_2=-flow.error_1)


def mixed(flow):
    """Errors from the smooth target, which has a share of the old task early in the block."""
    curriculum = Smooth(HARDNESS, BLOCK_DURATION, 1)
    shares = np.asarray(jax.vmap(lambda t: curriculum.task(0, t))(flow.time.values))[:, 1]
    return flow.assign(error_1=flow.error_1 - shares, error_2=flow.error_2 + shares)


@pytest.mark.parametrize(("wrong", "refused"), [(exchanged, "BBCDD"), (mixed, "DD")])
def test_other_labels_and_other_targets_are_refused(data, wrong, refused):
    rows = numbers.assumptions(wrong(data["flow"]))
    assert "".join(row.name[0] for row in rows if row.verdict is Verdict.OUTSIDE) == refused


def test_an_error_that_never_halves_is_refused(data):
    flow = data["flow"].assign(error_1=1 + 0 * data["flow"].error_1)
    rows = numbers.assumptions(flow)
    assert [row.name[0] for row in rows if row.verdict is Verdict.OUTSIDE] == ["C", "D"]


def test_labels_lose_nothing(data):
    flow = data["flow"]
    again = dataset_of(curves_of(flow))
    assert again.identical(flow)


def test_picture_compares_the_published_errors(data):
    figure = figure_a10.plot(data)
    errors = figure.axes[2]
    assert (errors.get_xlabel(), errors.get_ylabel()) == (r"$\epsilon_1 = y_1$", r"$-\epsilon_2 = 1 - y_2$")
    slowest = errors.lines[-1]
    assert np.all(slowest.get_ydata()[1:40] < slowest.get_xdata()[1:40])
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_published_scheme_gives_the_stored_numbers():
    rows = figure_a10.accept(simulated(figure_a10, figure_a10.PARAMETERS))
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
    assert sum("t = 4.9975" in row.name and row.verdict is Verdict.PASSED for row in rows) == 2 + 4
