import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.plotting.phase_diagram import BORDER, phase_diagram_figure
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced, to_json
from ntadyn.sweeps import Axis
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH as STRENGTH_PATH

TAU_W = 2.0


def made(columns, name="gate_speed"):
    """A map as `run_phase_map` returns it, whose alignment rises from 0.5 to 1 along the rows."""
    rows = Axis(BLOCK_DURATION, (0.5, 1.0, 2.0))
    alignment = np.broadcast_to(np.linspace(0.5, 1.0, 3)[:, None, None], (3, 4, 2)).copy()
    configuration = replaced(Configuration(), {"time_constants.weights": TAU_W})
    dims = (rows.name, columns.name, "seed")
    return xr.Dataset(
        {"alignment": (dims, alignment), "result": (dims, np.zeros(alignment.shape, int))},
        {
            axis.name: (axis.name, np.asarray(axis.values), {"long_name": axis.label, "parameter": axis.path})
            for axis in (rows, columns)
        },
        {"name": name, "configuration": to_json(configuration)},
    )


SPEED = Axis(GATE_TIME_CONSTANT, (0.1, 0.2, 0.3, 0.4))
STRENGTH = Axis(STRENGTH_PATH, (0.0, 0.1, 0.2, 0.3))


@pytest.fixture
def draw():
    figures = []

    def draw(*datasets):
        figures.append(phase_diagram_figure(list(datasets)))
        figures[-1].canvas.draw()
        return figures[-1].axes

    yield draw
    for figure in figures:
        plt.close(figure)


def mesh_of(ax):
    return next(item for item in ax.collections if isinstance(item, mpl.collections.QuadMesh))


def contours_of(ax):
    return [item for item in ax.collections if isinstance(item, mpl.contour.ContourSet)]


def legend_of(ax):
    (legend,) = ax.figure.legends
    return [text.get_text() for text in legend.get_texts()]


def crosses_of(ax):
    (line,) = [line for line in ax.lines if line.get_marker() == "x"]
    return set(zip(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist(), strict=True))


def test_axes_say_what_they_show_in_units_of_the_slow_time_constant(draw):
    left, right, bar = draw(made(SPEED), made(STRENGTH, "penalty"))
    assert left.get_xlabel() == r"gate time constant $\tau_c/\tau_W$"
    assert left.get_ylabel() == r"block duration $\tau_B/\tau_W$"
    assert right.get_xlabel() == "penalty strength λ"
    assert bar.get_ylabel() == "total alignment"
    assert (left.get_title(), right.get_title()) == ("Gate speed", "Penalty strength")
    told = "nearest preset figure-2-flexible; time_constants.weights = 2"
    assert left.figure.get_suptitle() == f"{told}\nmean of 2 repetitions"
    assert legend_of(left) == [f"total alignment {BORDER}"]
    # Cells are centred on their values: half a cell reaches beyond the outermost ones.
    np.testing.assert_allclose(left.get_xlim(), (0.025, 0.225))
    np.testing.assert_allclose(right.get_xlim(), (-0.05, 0.35))
    np.testing.assert_allclose(left.get_ylim(), (0.125, 1.25))


def test_the_mesh_shows_the_mean_with_rows_from_short_to_long_blocks(draw):
    dataset = made(SPEED)
    dataset["alignment"][2, 1, 0] = 0.6
    ax = draw(dataset)[0]
    values = np.asarray(mesh_of(ax).get_array())
    np.testing.assert_allclose(values[:, 0], [0.5, 0.75, 1.0])
    assert values[2, 1] == pytest.approx(0.8)
    assert mesh_of(ax).get_clim() == (0.5, 1.0)


def test_the_border_is_drawn_where_the_mean_crosses_it(draw):
    ax = draw(made(SPEED))[0]
    (contour,) = contours_of(ax)
    assert list(contour.levels) == [BORDER]
    heights = contour.get_paths()[0].vertices[:, 1]
    # Linear between 0.75 at tau_B = 0.5 tau_W and 1 at tau_B = tau_W.
    np.testing.assert_allclose(heights, 0.5 + 0.5 * (BORDER - 0.75) / 0.25, rtol=1e-6)


def test_a_map_of_one_regime_has_no_border(draw):
    dataset = made(SPEED)
    dataset["alignment"][:] = 0.6
    assert contours_of(draw(dataset)[0]) == []


def test_failed_cells_are_crossed_out_and_their_mean_is_over_the_rest(draw):
    dataset = made(SPEED)
    dataset["result"][0, 3, 1] = 1
    dataset["alignment"][0, 3] = [0.7, 5.0]  # what a failed run holds does not matter, finite or not
    dataset["result"][1, 0, :] = 1
    dataset["alignment"][1, 0, :] = np.nan
    ax = draw(dataset)[0]
    assert crosses_of(ax) == {(0.2, 0.25), (0.05, 0.5)}
    values = mesh_of(ax).get_array()
    assert values[0, 3] == pytest.approx(0.7)
    assert np.ma.getmaskarray(values)[1, 0]
    assert np.ma.getmaskarray(values).sum() == 1
    # A cell without a value is not a cell of alignment zero: nothing below the border surrounds it.
    assert min(path.vertices[:, 1].min() for path in contours_of(ax)[0].get_paths()) > 0.7


def test_cells_that_were_not_run_show_what_was_interpolated_and_a_dot(draw):
    dataset = made(SPEED)
    dataset["result"][1, 0, :] = -1
    dataset["alignment"][1, 0, :] = 0.8
    ax = draw(dataset)[0]
    assert crosses_of(ax) == set()
    assert mesh_of(ax).get_array()[1, 0] == pytest.approx(0.8)
    (dots,) = [line for line in ax.lines if line.get_marker() == "."]
    assert len(dots.get_xdata()) == 1
    assert legend_of(ax) == [f"total alignment {BORDER}", "interpolated, not run"]


def test_maps_of_different_settings_say_what_differs_in_each(draw):
    fast = replaced(Configuration(), {"time_constants.weights": TAU_W, "time_constants.gates": 0.001})
    penalty = made(STRENGTH, "penalty").assign_attrs(configuration=to_json(fast))
    left, right, _ = draw(made(SPEED), penalty)
    assert left.get_title() == "Gate speed\nnearest preset figure-2-flexible;\ntime_constants.weights = 2"
    # The strength is an axis of this map, and the gate time constant of the other one.
    assert "time_constants.gates = 0.001" in right.get_title()
    assert "strength =" not in right.get_title()
    assert left.figure.get_suptitle() == "mean of 2 repetitions"


def test_a_map_without_failures_has_no_crosses(draw):
    assert crosses_of(draw(made(SPEED))[0]) == set()


@pytest.mark.parametrize("code", [1, 2])
def test_a_map_that_failed_altogether_can_still_be_drawn(draw, code):
    dataset = made(SPEED)
    dataset["result"][:] = code
    dataset["alignment"][:] = np.nan
    ax = draw(dataset)[0]
    assert len(crosses_of(ax)) == 12
    assert contours_of(ax) == []


def test_a_map_of_one_cell_can_be_drawn(draw):
    dataset = made(SPEED).isel(block_duration=[0], gate_time_constant=[0], seed=[0])
    ax = draw(dataset)[0]
    assert ax.figure.get_suptitle().endswith("mean of 1 repetition")
    corners = mesh_of(ax).get_coordinates().reshape(-1, 2)
    # A cell without width would not be seen, and there is no negative duration or time constant.
    np.testing.assert_allclose([corners.min(0), corners.max(0)], [[0.025, 0.125], [0.075, 0.375]])


def test_the_style_does_not_leak(draw):
    before = dict(mpl.rcParams)
    draw(made(SPEED))
    assert dict(mpl.rcParams) == before
