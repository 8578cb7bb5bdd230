import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection

from ntadyn.plotting.output_plane import TARGETS, draw_error_direction, draw_gated_path, draw_targets, draw_teachers


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    figure.canvas.draw()
    plt.close(figure)


def test_the_wider_a_gate_is_open_the_darker_the_ground(ax):
    points = np.linspace([0.0, 0.0], [1.0, 2.0], 4)
    line = draw_gated_path(ax, points, np.array([0.0, 0.0, 1.0, 3.0]), "C0")
    (ground,) = [item for item in ax.collections if isinstance(item, LineCollection)]
    greys = np.asarray(ground.get_colors())[:, 0]
    # A shut gate leaves the paper white, and no gate counts as more than open.
    assert greys[0] == 1.0
    assert greys[-1] == pytest.approx(0.55)
    assert np.all(np.diff(greys) < 0)
    np.testing.assert_allclose(line.get_xydata(), points)


def test_an_offset_moves_line_and_ground_along_the_diagonal(ax):
    points = np.linspace([0.0, 0.0], [1.0, 0.0], 3)
    line = draw_gated_path(ax, points, np.ones(3), "C0", offset=0.1)
    np.testing.assert_allclose(line.get_xydata(), points + 0.1)
    first = ax.collections[0].get_segments()[0]
    np.testing.assert_allclose(first, points[:2] + 0.1)


def test_marks_lie_on_the_targets(ax):
    draw_targets(ax)
    draw_teachers(ax)
    draw_error_direction(ax, "C5")
    assert [tuple(line.get_xydata()[0]) for line in ax.lines] == list(TARGETS)
    *teachers, error = ax.texts
    assert [item.xy for item in teachers] == list(TARGETS)
    assert error.xy == TARGETS[1]
