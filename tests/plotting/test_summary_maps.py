import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from ntadyn.maps.border import border
from ntadyn.maps.regimes import Regime
from ntadyn.maps.summary import summarise
from ntadyn.plotting.border import draw_band, draw_border, draw_crossings
from ntadyn.plotting.cells import cell_edges, map_axes, plot_axes
from ntadyn.plotting.summary_maps import (
    REGIME_COLORS,
    draw_average,
    draw_error,
    draw_regimes,
    draw_spread,
    mark_separatrix,
)
from tests.finished_sweeps import ramp, sweep

COLUMNS = np.linspace(0.1, 0.5, 5)
ROWS = [2.0, 4.0, 6.0]
RNG = np.random.default_rng(0)


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.fixture
def dataset():
    values = np.stack([ramp(0.2 + 0.02 * row + 0.01 * RNG.normal(size=4), COLUMNS, slope=0.5) for row in ROWS])
    return sweep(values, tau_w=2.0, block_duration=ROWS, gate_time_constant=COLUMNS)


def test_times_are_shown_in_units_of_the_slow_time_constant(dataset):
    rows, columns = map_axes(dataset)
    np.testing.assert_allclose(rows.values, [1, 2, 3])
    np.testing.assert_allclose(columns.values, COLUMNS / 2)
    assert columns.label == r"gate time constant $\tau_c/\tau_W$"
    np.testing.assert_allclose(cell_edges(rows), [0.5, 1.5, 2.5, 3.5])
    varied = dataset.rename(block_duration="weights")
    varied["weights"].attrs["parameter"] = "time_constants.weights"
    np.testing.assert_allclose(plot_axes(varied)[1].values, COLUMNS)  # no common unit when tau_W itself varies
    assert plot_axes(varied)[1].label == "gate time constant"


def test_cells_on_a_logarithmic_axis_meet_at_geometric_means():
    (axis,) = plot_axes(sweep(np.ones((3, 1)), strength=[0.01, 0.1, 1.0]))
    np.testing.assert_allclose(cell_edges(axis) ** 2, [1e-5, 1e-3, 1e-1, 1e1])


def test_average_and_spread_show_the_summary_and_cross_out_failures(ax, dataset):
    dataset["result"][1, 2, 0] = 1
    dataset["result"][2, 4] = 2
    summary = summarise(dataset)
    for draw, name in ((draw_average, "alignment_mean"), (draw_spread, "alignment_sd")):
        ax.clear()
        shown = draw(ax, summary).get_array()
        np.testing.assert_allclose(shown.filled(np.nan), summary[name])
        assert np.ma.getmaskarray(shown).sum() == 1
        (crosses,) = [line for line in ax.lines if line.get_marker() == "x"]
        np.testing.assert_allclose(crosses.get_xdata(), COLUMNS[[2, 4]] / 2)
        np.testing.assert_allclose(crosses.get_ydata(), [2, 3])


def test_regimes_are_blended_by_their_shares_and_failures_hatched(ax):
    alignment = np.asarray([[[0.9] * 4, [0.5] * 4], [[0.9, 0.9, 0.9, 0.6], [0.9] * 4]])
    dataset = sweep(alignment, block_duration=[1, 2], strength=[0, 1])
    dataset["result"][1, 0, :2] = 1
    dataset["result"][1, 1] = 1
    handles = draw_regimes(ax, summarise(dataset))
    colors = np.asarray(ax.collections[0].get_array())
    blue, grey, orange = (
        np.asarray(to_rgb(REGIME_COLORS[r])) for r in (Regime.SPECIALISED, Regime.MIXED, Regime.FORGETFUL)
    )
    np.testing.assert_allclose(colors[0], [blue, orange])
    np.testing.assert_allclose(colors[1], [(blue + grey) / 2, np.ones(3)])  # of those that ended well
    (hatched,) = [item for item in ax.collections if isinstance(item, mpl.collections.PatchCollection)]
    (box,) = hatched.get_paths()  # cells side by side share one
    assert [*box.vertices.min(axis=0), *box.vertices.max(axis=0)] == [-0.5, 1.5, 1.5, 2.5]
    assert [handle.get_label() for handle in handles] == ["specialised", "mixed", "forgetful", "with failures"]


def test_failures_are_hatched_where_they_are_and_nowhere_else(ax):
    failed = np.asarray([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 1]], bool)
    dataset = sweep(np.full((4, 4, 2), 0.9), block_duration=[0, 1, 2, 3], strength=[0, 1, 2, 3])
    dataset["result"][:] = failed[..., None]
    draw_regimes(ax, summarise(dataset))
    (hatched,) = [item for item in ax.collections if isinstance(item, mpl.collections.PatchCollection)]
    covered = [[sum(path.contains_point((x, y)) for path in hatched.get_paths()) for x in range(4)] for y in range(4)]
    np.testing.assert_array_equal(covered, failed)
    assert len(hatched.get_paths()) == 5


def test_errors_are_drawn_on_a_logarithmic_scale_and_unknown_ones_left_blank(ax, dataset):
    errors = np.full(dataset.alignment.shape, 1e-5)
    errors[0, 0, 1] = 1e-2
    errors[1, 1] = np.nan
    errors[2, 2] = 0.0
    summary = summarise(dataset.assign(gate_error=(dataset.alignment.dims, errors)))
    mesh = draw_error(ax, summary)
    assert isinstance(mesh.norm, mpl.colors.LogNorm)
    assert mesh.get_clim() == (1e-8, 1e-2)
    shown = mesh.get_array()
    assert shown[0, 0] == 1e-2
    assert shown[2, 2] == 1e-8
    assert np.argwhere(np.ma.getmaskarray(shown)).tolist() == [[1, 1]]
    ax.figure.canvas.draw()  # a scale without room between its ends would fail here


def test_rings_mark_separatrix_cells(ax, dataset):
    assert mark_separatrix(ax, summarise(dataset)) is None
    moved = np.full(dataset.alignment.shape, 1e-6)
    dataset["perturbation"] = (dataset.alignment.dims, moved)
    assert mark_separatrix(ax, summarise(dataset)) is None
    moved[2, 3, 0] = 0.1
    rings = mark_separatrix(ax, summarise(dataset))
    np.testing.assert_allclose(rings.get_xydata(), [[COLUMNS[3] / 2, 3]])


def test_the_border_lies_in_its_band_and_both_in_plot_units(ax, dataset):
    found = border(dataset)
    (line,) = draw_border(ax, dataset, found)
    x, y = np.asarray(line.get_data())
    for item in found.crossings:
        at_row = np.isclose(y, ROWS[item.row] / 2)
        np.testing.assert_allclose(x[at_row], item.position / 2)
        assert at_row.any()
    band = draw_band(ax, dataset, found)
    points = np.concatenate([path.vertices for path in band.get_paths()])
    for item in found.crossings:
        near = points[np.isclose(points[:, 1], ROWS[item.row] / 2)]
        # The band is interpolated between 512 points, its ends are quantiles of the averages.
        assert near[:, 0].min() == pytest.approx(item.low / 2, abs=1e-3)
        assert near[:, 0].max() == pytest.approx(item.high / 2, abs=1e-3)
    assert np.diff([found.crossings[0].low, found.crossings[0].high]) < np.diff(COLUMNS)[0]  # narrower than a cell


def test_there_is_no_band_without_repetitions_to_resample_and_no_border_between_names(ax, dataset):
    assert draw_band(ax, dataset, border(dataset)) is not None
    single = dataset.isel(seed=[0])
    assert draw_band(ax, single, border(single)) is None
    assert len(draw_border(ax, single, border(single))) == 1
    names = sweep(dataset.alignment.values[:, :3], block_duration=ROWS, kind=["A", "B", "C"])
    assert draw_band(ax, names, border(names)) is None
    assert draw_border(ax, names, border(names)) == []


def test_crossings_of_one_axis_stand_at_their_place_and_stay_within_the_picture(ax):
    dataset = sweep(ramp([0.11] * 9 + [-0.4], COLUMNS), tau_w=2.0, gate_time_constant=COLUMNS)
    found = border(dataset, level=0.95)
    ax.set_xlim(0.05, 0.25)
    (line,) = draw_crossings(ax, dataset, found)
    assert line.get_xdata()[0] == pytest.approx(found.crossings[0].position / 2)
    assert found.crossings[0].low == -np.inf
    (span,) = ax.patches
    assert span.get_x() == pytest.approx(0.05)
    assert ax.get_xlim() == (0.05, 0.25)


def test_maps_of_other_than_two_axes_are_refused(ax, dataset):
    with pytest.raises(ValueError, match=r"over two axes; this one has \['gate_time_constant'\]"):
        draw_average(ax, summarise(dataset.isel(block_duration=0)))
