import numpy as np
import pytest
import xarray as xr

from ntadyn.maps.summary import summarise
from ntadyn.results.dataset_axes import axis_names, by_index, dataset_axes
from tests.finished_sweeps import sweep


def test_axes_come_in_the_order_of_the_cells_with_labels_and_parameters():
    dataset = sweep(np.ones((3, 2, 4)), strength=[0.0, 0.1, 0.3], block_duration=[1.0, 2.0])
    assert axis_names(dataset) == ("strength", "block_duration")
    strength, duration = dataset_axes(dataset)
    assert (strength.label, strength.parameters, strength.names) == ("penalty strength", ("penalties.strength",), None)
    np.testing.assert_array_equal(strength.values, [0.0, 0.1, 0.3])
    np.testing.assert_array_equal(duration.values, [1.0, 2.0])
    assert [axis.name for axis in dataset_axes(summarise(dataset))] == ["strength", "block_duration"]


def test_values_without_order_are_counted_and_keep_their_names():
    kinds = sweep(np.ones((3, 2)), kind=["IID", "SVD", "ORTHOGONAL"])
    (axis,) = dataset_axes(kinds)
    np.testing.assert_array_equal(axis.values, [0, 1, 2])
    assert axis.names == ("IID", "SVD", "ORTHOGONAL")
    assert axis.text(1) == "SVD"
    (axis,) = dataset_axes(sweep(np.ones((3, 2)), strength=[0.1, 0.3, 0.2]))
    np.testing.assert_array_equal(axis.values, [0, 1, 2])
    assert axis.names == ("0.1", "0.3", "0.2")


def test_a_zipped_axis_takes_the_values_of_its_first_parameter():
    dataset = (
        sweep(np.ones((3, 2)), kind=[0, 1, 2])
        .rename(kind="both")
        .assign_coords(
            strength=("both", [0.1, 0.2, 0.3], {"long_name": "penalty strength", "parameter": "penalties.strength"}),
            gates_tau=("both", [3.0, 2.0, 1.0], {"long_name": "gate tau", "parameter": "time_constants.gates"}),
        )
    )
    del dataset["both"].attrs["parameter"]
    (axis,) = dataset_axes(dataset)
    np.testing.assert_array_equal(axis.values, [0.1, 0.2, 0.3])
    (axis,) = dataset_axes(dataset.drop_vars("both"))
    np.testing.assert_array_equal(axis.values, [0.1, 0.2, 0.3])
    assert axis.label == "penalty strength, gate tau"
    assert axis.parameters == ("penalties.strength", "time_constants.gates")


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        (np.geomspace(0.01, 1, 5), True),
        (np.geomspace(1, 0.01, 5), True),
        (np.linspace(0.01, 1, 5), False),
        (np.geomspace(1, 2, 5), False),  # too short a range to tell, and none to need it
        ([0.0, 0.1, 1.0], False),
        ([0.1, 1.0], False),
    ],
)
def test_values_spaced_in_their_logarithm_are_recognised(values, logarithmic):
    (axis,) = dataset_axes(sweep(np.ones((len(values), 1)), strength=values))
    assert axis.logarithmic is logarithmic
    np.testing.assert_allclose(axis.scaled, np.log(values) if logarithmic else values)
    np.testing.assert_allclose(axis.unscaled(axis.scaled), values)


def test_other_datasets_are_refused():
    with pytest.raises(ValueError, match=r"not a sweep.*\['x'\]"):
        axis_names(xr.Dataset({"x": ("seed", [1.0])}))


def test_values_over_decades_are_drawn_where_each_can_be_seen():
    (axis,) = dataset_axes(sweep(np.ones((5, 2)), strength=[1e-6, 1e-5, 2e-4, 1e-2, 1.0]))
    assert axis.logarithmic
    (axis,) = dataset_axes(sweep(np.ones((4, 2)), strength=[0.0, 1e-6, 1e-3, 1.0]))
    assert not axis.logarithmic
    shown = by_index(axis)
    np.testing.assert_array_equal(shown.values, [0, 1, 2, 3])
    assert shown.names == ("0", "1e-06", "0.001", "1")
    (even,) = dataset_axes(sweep(np.ones((4, 2)), strength=[0.0, 0.1, 0.2, 0.4]))
    assert by_index(even) is even
