import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.plotting.dataset_overview import dataset_overview, panels_of

TIME = np.asarray([0.0, 1.0, 1.0, 2.0])


@pytest.fixture
def drawn():
    figures = []

    def drawn(dataset):
        figures.append(dataset_overview(dataset))
        figures[-1].canvas.draw()
        return [ax for ax in figures[-1].axes if ax.get_title()]

    yield drawn
    for figure in figures:
        plt.close(figure)


def series(**variables):
    return xr.Dataset(variables, {"time": ("record", TIME, {"units": "tau_W"})})


def test_time_series_are_drawn_over_the_times_of_their_records(drawn):
    (ax,) = drawn(series(loss=("record", TIME**2)))
    assert ax.get_xlabel() == "time [tau_W]"
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), TIME)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), TIME**2)


def test_repetitions_are_averaged_and_other_dimensions_become_lines(drawn):
    values = np.arange(24.0).reshape(3, 4, 2)
    dataset = series(gates=(("seed", "record", "path"), values)).assign_coords(path=["A", "B"])
    (ax,) = drawn(dataset)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["path = A", "path = B"]
    for line, column in zip(ax.lines, np.moveaxis(values.mean(0), 1, 0), strict=True):
        np.testing.assert_allclose(line.get_ydata(), column)
    assert ax.figure.get_suptitle() == "mean over seed (3), band: standard error"


def test_variables_without_records_are_drawn_along_their_longest_axis_of_numbers(drawn):
    dataset = xr.Dataset(
        {
            "speed": (
                ("variant", "overlap"),
                np.arange(8.0).reshape(2, 4),
                {"long_name": "speed, in all", "units": "1/s"},
            )
        },
        {"overlap": [0.0, 0.1, 0.2, 0.3], "variant": ["old", "new"]},
    )
    (ax,) = drawn(dataset)
    assert ax.get_xlabel() == "overlap"
    assert ax.get_title() == "speed [1/s]"
    assert len(ax.lines) == 2


def test_two_long_axes_of_numbers_make_a_map(drawn):
    values = np.add.outer(np.arange(12.0), 100 * np.arange(10.0))
    dataset = xr.Dataset({"energy": (("a", "b"), values)}, {"a": np.arange(12.0), "b": np.arange(10.0)})
    (ax,) = drawn(dataset)
    (mesh,) = [item for item in ax.collections if isinstance(item, mpl.collections.QuadMesh)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")
    np.testing.assert_array_equal(mesh.get_array(), values.T)


def test_blocks_are_shaded_where_the_file_says_which_tasks_they_have(drawn):
    dataset = series(loss=("record", TIME)).assign_attrs(edges=[0.0, 1.0, 2.0], block_tasks=[0, 1])
    assert len(drawn(dataset)[0].patches) == 2
    assert drawn(dataset.isel(record=slice(2, None)))[0].get_xlim() == (1.0, 2.0)
    assert len(drawn(dataset.assign_attrs(edges=[0.0, 2.0, 1.0]))[0].patches) == 0


def test_what_is_left_out_is_said(drawn):
    many = series(**{f"a{number}": ("record", TIME) for number in range(11)})
    axes = drawn(many)
    assert len(axes) == 8
    assert axes[0].figure.get_suptitle() == "first 8 of 11 variables that can be drawn"
    (ax,) = drawn(series(weights=(("record", "input"), np.zeros((4, 20)))))
    assert ax.get_title() == "weights (first 8 of 20 lines)"


def test_what_has_no_shape_to_draw_is_not_drawn():
    dataset = xr.Dataset(
        {"word": ("place", ["a", "b"]), "loss": ("seed", [1.0, 2.0]), "result": (("seed", "x"), np.zeros((2, 2), int))},
        {"x": [0.0, 1.0]},
    )
    assert panels_of(dataset) == []
    assert dataset_overview(dataset) is None


def test_infinite_numbers_leave_a_gap(drawn):
    (ax,) = drawn(series(loss=("record", [1.0, np.inf, 1e300, 2.0])))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1.0, np.nan, np.nan, 2.0])
