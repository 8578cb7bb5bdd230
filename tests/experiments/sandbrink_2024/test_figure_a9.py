import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_a9
from experiments.sandbrink_2024.runs import block_length

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return simulated(figure_a9, figure_a9.FAST)


def test_numbers(data):
    rows = figure_a9.accept(data)
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]


def test_blocks_of_equal_effect_are_refused(data):
    runs = data["block_length"]
    longest = runs.wbar.sel(block_duration=2.0)
    same = runs.assign(wbar=runs.wbar.copy(data=np.stack([1.01 * longest, longest])))
    refused = [row.name for row in figure_a9.accept({**data, "block_length": same}) if row.verdict is Verdict.OUTSIDE]
    assert "E: wbar at t = 16, blocks of 2 over blocks of 1" in refused


def test_students_are_mirror_images(data):
    weights = data["block_length"].weights.values
    np.testing.assert_allclose(weights[..., 0, :], weights[..., 1, ::-1], atol=1e-12)


def test_parallel_pathways_keep_their_difference():
    points = block_length.parallel_pathways((0.3, 0.1), np.array([0.0, 0.5, 20.0]))
    np.testing.assert_allclose(points[:, 0] - points[:, 1], 0.2, atol=1e-15)
    np.testing.assert_allclose(points[[0, -1]].sum(axis=1), [0.4, 1.0], atol=1e-12)
    # The sum obeys dp/dt = 2 (1 - p).
    assert points[1].sum() == pytest.approx(1 - 0.6 * np.exp(-1.0))


def test_slices_tilt_towards_the_task_in_force(data):
    slopes = np.sign(data["potential"].linear.values[:, -1])
    np.testing.assert_array_equal(slopes, [-1, 1, -1, 1])


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_mean_or_another_sum_is_refused(data, factor):
    wrong = data["potential"].assign(effective=factor * data["potential"].effective)
    rows = figure_a9.accept({**data, "potential": wrong})
    assert sum(row.name.startswith("C: ") and row.verdict is Verdict.OUTSIDE for row in rows) >= 6


def test_the_right_panel_has_the_published_curves(data):
    potential = data["potential"]
    np.testing.assert_allclose(potential.block_duration, [0.01, 0.0562, 0.316, 1.78, 10], rtol=2e-3)
    figure = figure_a9.plot(data)
    panel = next(ax for ax in figure.axes if "effective" in ax.get_ylabel())
    dotted, *dashed = [line for line in panel.lines if len(line.get_xdata()) > 2]
    assert dotted.get_linestyle() == ":"
    assert [line.get_linestyle() for line in dashed] == ["--"] * 5
    np.testing.assert_allclose(dotted.get_ydata(), 4 * dotted.get_xdata() ** 2, atol=1e-12)
    low, high = panel.get_ylim()
    assert low < -7.2
    assert high > 4.4
    plt.close(figure)


def test_picture_has_its_panels(data):
    figure = figure_a9.plot(data)
    assert [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")] == ["A", "C", "B"]
    figure.canvas.draw()
    plt.close(figure)
