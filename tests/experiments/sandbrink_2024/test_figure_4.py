import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.harness.acceptance import Verdict, all_accepted
from experiments.harness.experiment import simulated
from experiments.sandbrink_2024 import figure_4
from experiments.sandbrink_2024.figure_4 import numbers

# The quick run of the figure takes ten seconds or more, most of it compilation.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return simulated(figure_4, figure_4.FAST)


def rows_by_verdict(data, verdict):
    return [row.name for row in figure_4.accept(data) if row.verdict is verdict]


def test_the_flow_has_the_published_numbers(data):
    assert not rows_by_verdict(data, Verdict.OUTSIDE)
    # Six numbers of either network and one of both, four of panel E, four of panel H.
    assert len(rows_by_verdict(data, Verdict.PASSED)) == 13 + 3 + 4


def test_networks_are_not_exchanged(data):
    exchanged = data["one_block"].assign_coords(network=["flexible", "forgetful"])
    outside = rows_by_verdict({**data, "one_block": exchanged}, Verdict.OUTSIDE)
    assert sum("one_block" not in name and name[0] in "ABt" for name in outside) >= 6


def test_picture_shows_every_panel(data):
    figure = figure_4.plot(data)
    letters = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert letters == ["A", "B", "C", "D", "E", "F", "G", "G, two apart", "H"]
    figure.canvas.draw()
    plt.close(figure)


def test_equal_phases_keep_every_record_of_the_blocks_between(data):
    states = numbers.equal_phases(data["cycle"])
    cycle = data["cycle"]
    third = cycle.isel(record=np.flatnonzero(cycle.block.values == numbers.DROPPED))
    np.testing.assert_array_equal(states[0, :, :2], third.gates.values)
    np.testing.assert_array_equal(states[0, :, 2:4], third.weights.values[:, 0])


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_the_published_scheme_gives_the_published_numbers():
    rows = figure_4.accept(simulated(figure_4, figure_4.PARAMETERS))
    assert all_accepted(rows), [row for row in rows if row.verdict is Verdict.OUTSIDE]
    distances = [row.name for row in rows if row.name.startswith("G: distance of neighbouring blocks")]
    assert len([name for name in distances if "published scheme" in name]) == len(numbers.CONSECUTIVE)
