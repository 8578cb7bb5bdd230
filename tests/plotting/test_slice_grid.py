"""Maps of sweeps over more than two axes, side by side."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.plotting.slice_grid import slice_grid

SIZES = {"rows": 4, "columns": 5, "paths": 3, "speed": 6, "size": 3, "seed": 2}


def made_up(*axes, failed=False):
    """A sweep over some axes, whose score rises along the first two."""
    dims = (*axes, "seed")
    shape = [SIZES[name] for name in dims]
    values = np.sum(np.meshgrid(*(np.arange(size) for size in shape[:2]), indexing="ij"), axis=0) / 10
    values = np.broadcast_to(values.reshape(*shape[:2], *[1] * (len(shape) - 2)), shape)
    codes = np.zeros(shape, int)
    if failed:
        codes[1, 1] = 1
    coordinates = {name: np.arange(1.0, SIZES[name] + 1) for name in axes}
    return xr.Dataset({"norm": (dims, values), "result": (dims, codes)}, coordinates, {"name": "made up"})


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def maps(figure):
    return [ax for ax in figure.axes if ax.get_title()]


def test_one_picture_is_enough_for_two_axes():
    assert slice_grid(made_up("rows")) is None
    assert slice_grid(made_up("rows", "columns")) is None
    assert slice_grid(made_up("rows", "columns", "paths").isel(paths=[1])) is None


def test_every_value_of_a_third_axis_has_a_map_with_the_same_colours():
    figure = slice_grid(made_up("rows", "columns", "paths"), "norm", 0.35)
    assert [ax.get_title() for ax in maps(figure)] == ["paths = 1", "paths = 2", "paths = 3"]
    assert {ax.collections[0].get_clim() for ax in maps(figure)} == {(0.0, 0.7)}
    assert all(len(ax.collections) == 2 for ax in maps(figure))  # cells, and the line
    assert "line: 0.35" in figure.get_suptitle()


def test_a_fourth_axis_goes_along_rows_and_a_fifth_is_held():
    figure = slice_grid(made_up("rows", "columns", "paths", "speed", "size", failed=True), "norm")
    titles = [ax.get_title() for ax in maps(figure)]
    assert len(titles) == 3 * 4
    assert titles[0] == "paths = 1\nspeed = 1"
    assert titles[-1] == "paths = 3\nspeed = 6"
    assert "size = 2" in figure.get_suptitle()
    assert "x: some repetitions failed" in figure.get_suptitle()


def test_a_score_that_was_not_kept_is_refused():
    with pytest.raises(
        ValueError, match="'alignment' is not a number per trajectory of this sweep; choose one of norm"
    ):
        slice_grid(made_up("rows", "columns", "paths"), "alignment")
