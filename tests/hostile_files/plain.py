"""Data sets that ntadyn wrote and that are neither simulations nor sweeps."""

import numpy as np
import xarray as xr

from tests.hostile_files.good import content, good_dataset
from tests.hostile_files.registry import ESCAPE, kind

PLAIN = []


def plain(function):
    """Register a plain data set that must be shown, and is drawn as far as it goes."""
    PLAIN.append(function.__name__.replace("_", " "))
    return kind()(function)


@plain
def a_plain_data_set(folder):
    return good_dataset()


@plain
def a_plain_data_set_without_a_checksum(folder):
    return content(good_dataset())


@plain
def a_data_set_of_nothing(folder):
    return xr.Dataset(attrs={"ntadyn_version": "0.1.0"})


@plain
def a_data_set_of_texts(folder):
    return good_dataset()[[]].assign(word=("place", [ESCAPE, "$\\frac{$", "\n"]))


@plain
def a_data_set_whose_numbers_are_beyond_all_measure(folder):
    dataset = good_dataset()
    return dataset.assign(energy=dataset.energy * 1e300, weights=dataset.weights * np.inf)


@plain
def a_data_set_of_nans(folder):
    dataset = good_dataset()
    return dataset.assign(energy=dataset.energy * np.nan, weights=dataset.weights * np.nan)


@plain
def a_data_set_whose_axes_make_no_sense(folder):
    axes = {"x": np.full(12, np.nan), "y": np.linspace(-1e300, 1e300, 10), "time": ("record", np.arange(9.0)[::-1])}
    return good_dataset().assign_coords(axes)


@plain
def a_data_set_with_blocks_that_make_no_sense(folder):
    return good_dataset().assign_attrs(edges=[3.0, 1.0], block_tasks=["a"], num_base="two", preset=7)


@plain
def a_data_set_that_a_terminal_obeys(folder):
    dataset = good_dataset().assign_attrs(
        {"remark": ESCAPE, "name": ESCAPE, "preset": ESCAPE, "endless": "x" * 100_000}
    )
    for item in dataset.variables.values():
        item.attrs |= {"long_name": ESCAPE + "$" * 7 + "x" * 10_000, "units": "$\\frac{" + ESCAPE}
    return dataset


@plain
def a_data_set_of_many_lines(folder):
    values = {f"a{number}": (("record", "b", "c"), np.zeros((40, 30, 20))) for number in range(30)}
    return xr.Dataset(values, attrs={"ntadyn_version": "0.1.0"})


@plain
def a_data_set_with_a_configuration_of_another_kind(folder):
    return good_dataset().assign_attrs(configuration='{"tau_v": 0.3, "layers": [1, 2], "inner": {"rate": "$x$"}}')


@kind("configuration is not JSON")
def a_data_set_whose_configuration_is_none(folder):
    return good_dataset().assign_attrs(configuration="tau = 3")


@kind("is not a usable name")
def a_data_set_whose_variable_has_no_name(folder):
    return content(good_dataset().rename(energy=ESCAPE), invalid_netcdf=True)


@kind("its attribute 'max_step' is not a number")
def a_data_set_whose_step_is_a_text(folder):
    return good_dataset().assign_attrs(max_step="short")
