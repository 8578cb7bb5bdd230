import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from ntadyn.maps.summary import summarise
from ntadyn.plotting.slices import draw_regime_shares, draw_slices
from ntadyn.plotting.summary_maps import REGIME_COLORS
from tests.finished_sweeps import ramp, sweep

VALUES = np.random.default_rng(0).uniform(0.5, 1.0, size=(3, 4, 7))
STRENGTHS = [0.0, 0.1, 0.2, 0.3]


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.fixture
def dataset():
    return sweep(VALUES, tau_w=2.0, block_duration=[1, 2, 3], strength=STRENGTHS)


def dots_of(ax):
    return [line for line in ax.lines if line.get_marker() == "."]


def test_slices_show_median_middle_half_and_every_repetition(ax, dataset):
    lines = draw_slices(ax, dataset, "strength", (0, 2))
    assert [line.get_label() for line in lines] == ["0.5", "1.5"]  # block durations in units of tau_W = 2
    for line, row, dots, band in zip(lines, (0, 2), dots_of(ax), ax.collections, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), STRENGTHS)
        np.testing.assert_allclose(line.get_ydata(), np.median(VALUES[row], axis=-1))
        np.testing.assert_allclose(np.sort(dots.get_ydata()), np.sort(VALUES[row].ravel()))
        ends = band.get_paths()[0].vertices
        at_first = ends[ends[:, 0] == 0.0][:, 1]
        np.testing.assert_allclose([at_first.min(), at_first.max()], np.quantile(VALUES[row, 0], (0.25, 0.75)))
        assert dots.get_color() == line.get_color()
    assert ax.get_xlabel() == "penalty strength"
    assert ax.get_ylabel() == "total alignment"
    _, texts = ax.get_legend_handles_labels()
    assert texts == ["0.5", "1.5"]  # no word of failures where there is none


def test_slices_along_the_rows_are_the_transposed_ones(ax, dataset):
    (line,) = draw_slices(ax, dataset, "block_duration", (3,))
    np.testing.assert_allclose(line.get_ydata(), np.median(VALUES[:, 3], axis=-1))
    np.testing.assert_allclose(line.get_xdata(), [0.5, 1, 1.5])


def test_failed_repetitions_are_left_out_and_marked(ax, dataset):
    dataset["result"][0, 1, :3] = 1
    dataset["result"][0, 3] = 1
    (line,) = draw_slices(ax, dataset, "strength", (0,))
    np.testing.assert_allclose(line.get_ydata()[[1, 3]], [np.median(VALUES[0, 1, 3:]), np.nan])
    (crosses,) = [item for item in ax.lines if item.get_marker() == "x"]
    np.testing.assert_array_equal(crosses.get_xdata(), [0.1, 0.3])


def test_a_sweep_over_one_axis_is_one_slice(ax, dataset):
    (line,) = draw_slices(ax, dataset.isel(block_duration=1), "strength")
    np.testing.assert_allclose(line.get_ydata(), np.median(VALUES[1], axis=-1))


@pytest.mark.parametrize("along", ["seed", "kind"])
def test_slices_along_what_is_no_axis_are_refused(ax, dataset, along):
    with pytest.raises(ValueError, match=f"slices along {along!r}"):
        draw_slices(ax, dataset, along, (0,))


def test_regime_shares_are_stacked_to_one_with_failures_on_top(ax):
    dataset = sweep([[0.9, 0.9, 0.6, 0.5], [0.5, 0.5, 0.5, 0.9]], strength=[0.1, 0.2])
    assert len(draw_regime_shares(ax, summarise(dataset))) == 3
    ax.clear()
    dataset["result"][1, 3] = 1
    handles = draw_regime_shares(ax, summarise(dataset))
    assert [handle.get_label() for handle in handles] == ["specialised", "mixed", "forgetful", "failed"]
    heights = np.asarray([[bar.get_height() for bar in bars] for bars in ax.containers])
    np.testing.assert_allclose(heights, [[0.5, 0], [0.25, 0], [0.25, 0.75], [0, 0.25]])
    feet = np.asarray([[bar.get_y() for bar in bars] for bars in ax.containers])
    np.testing.assert_allclose(feet, np.cumsum(heights, axis=0) - heights)
    colors = [to_hex(bars[0].get_facecolor()).upper() for bars in ax.containers]
    assert colors[:3] == list(REGIME_COLORS.values())
    assert ax.containers[3][1].get_hatch() == "////"


def test_rows_whose_values_look_alike_are_drawn_apart():
    columns = np.linspace(0, 1, 4)
    values = np.stack([ramp([0.2, 0.3], columns), ramp([0.6, 0.7], columns)])
    figure, ax = plt.subplots()
    lines = draw_slices(ax, sweep(values, block_duration=[1.0, 1.000001], strength=columns), "strength", (0, 1))
    assert [line.get_label() for line in lines] == ["1", "1"]
    assert np.all(lines[0].get_ydata() > lines[1].get_ydata())
    plt.close(figure)
