import numpy as np
import pytest

from ntadyn.results.dataset_axes import axis_names
from ntadyn.results.slicing import parsed, slice_of
from tests.finished_sweeps import sweep

SHAPE = (3, 4, 5, 2)
VALUES = np.arange(np.prod(SHAPE), dtype=float).reshape(SHAPE)
GATES = [0.001, 0.003, 0.01, 0.03]


def made():
    return sweep(VALUES, block_duration=[1.0, 2.0, 4.0], gate_time_constant=GATES, strength=np.linspace(0, 1, 5))


def test_what_does_not_fit_is_held_at_its_middle_value_and_told():
    part = slice_of(made())
    assert axis_names(part.dataset) == ("block_duration", "gate_time_constant")
    assert part.title == "penalty strength = 0.5"
    assert [held.asked for held in part.held] == [None]
    np.testing.assert_array_equal(part.dataset.alignment, VALUES[:, :, 2])


def test_axes_of_several_values_are_kept_before_those_of_one():
    part = slice_of(made().isel(block_duration=[1]))
    assert axis_names(part.dataset) == ("gate_time_constant", "strength")
    assert part.title == "block duration = 2"
    single = made().isel(block_duration=[0], gate_time_constant=[0], strength=[0])
    assert axis_names(slice_of(single).dataset) == ("block_duration",)


def test_an_axis_is_held_at_the_nearest_value_and_the_others_are_kept():
    part = slice_of(made(), {"gate_time_constant": "0.0034"})
    assert axis_names(part.dataset) == ("block_duration", "strength")
    assert part.title == "gate time constant = 0.003"
    assert part.held[0].asked == "0.0034"
    np.testing.assert_array_equal(part.dataset.alignment, VALUES[:, 1])


def test_several_axes_can_be_held_down_to_a_single_cell():
    line = slice_of(made(), {"gate_time_constant": 0.03, "strength": 0.25})
    assert axis_names(line.dataset) == ("block_duration",)
    np.testing.assert_array_equal(line.dataset.alignment, VALUES[:, 3, 1])
    cell = slice_of(made(), {"gate_time_constant": 0.03, "strength": 0.25, "block_duration": 4})
    assert axis_names(cell.dataset) == ("cell",)
    np.testing.assert_array_equal(cell.dataset.alignment, VALUES[None, 2, 3, 1])
    assert cell.title == "block duration = 4, gate time constant = 0.03, penalty strength = 0.25"


def test_a_single_cell_gets_an_axis():
    part = slice_of(sweep([0.1, 0.2]))
    assert axis_names(part.dataset) == ("cell",)
    assert part.title == ""
    np.testing.assert_array_equal(part.dataset.alignment, [[0.1, 0.2]])


def test_axes_go_by_their_parameters_too_and_names_are_chosen_as_they_are():
    part = slice_of(made(), {"time_constants.gates": 0.01})
    assert part.title == "gate time constant = 0.01"
    assert slice_of(made(), {"gates": 0.01}).title == part.title
    assert slice_of(made(), {"curriculum.block_duration": 4.0}).title == "block duration = 4"
    kinds = sweep(VALUES[:, :2, 0], kind=["IID", "SVD", "X"], strength=[0.0, 1.0])
    np.testing.assert_array_equal(slice_of(kinds, {"kind": "SVD"}).dataset.alignment, VALUES[1, :2, 0])


def test_zipped_axes_are_held_by_any_of_their_parameters():
    dataset = made().assign_coords(fast=("gate_time_constant", [8.0, 4.0, 2.0, 1.0]))
    dataset["fast"].attrs = {"parameter": "max_step", "long_name": "largest step"}
    for name, value in (("gate_time_constant", 0.003), ("fast", 3.9), ("max_step", "4.1")):
        np.testing.assert_array_equal(slice_of(dataset, {name: value}).dataset.alignment, VALUES[:, 1])


def test_the_end_of_a_path_is_not_enough_where_two_have_it():
    dataset = made()
    dataset["strength"].attrs["parameter"] = "other.gates"
    with pytest.raises(ValueError, match="no axis 'gates'"):
        slice_of(dataset, {"gates": 0.01})
    assert slice_of(dataset, {"other.gates": 0.25}).title == "penalty strength = 0.25"


def test_values_out_of_order_are_found_where_they_are():
    dataset = made().assign_coords(block_duration=("block_duration", [2.0, 1.0, 3.0], {"long_name": "duration"}))
    np.testing.assert_array_equal(slice_of(dataset, {"block_duration": 0.999}).dataset.alignment, VALUES[1])


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ({"colour": 1}, r"no axis 'colour'; it has block_duration: 1, 2, 4; gate_time_constant: 0.001, 0.003, 0.01"),
        ({"gate_time_constant": 0.5}, r"gate_time_constant is never near 0.5; choose one of 0.001, 0.003, 0.01, 0.03"),
        ({"gate_time_constant": "fast"}, r"never near fast; choose one of"),
        ({"gate_time_constant": "nan"}, r"never near nan; choose one of"),
        ({"strength": 0.1, "penalties.strength": 0.2}, r"'penalties.strength' is the axis 'strength', which is held"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(at, message):
    with pytest.raises(ValueError, match=message):
        slice_of(made(), at)


def test_names_and_missing_values_are_refused_with_what_is_there():
    kinds = sweep(VALUES[:, :2, 0], kind=["IID", "SVD", "X"], strength=[np.nan, np.nan])
    with pytest.raises(ValueError, match="kind is never 'svd'; choose one of IID, SVD, X"):
        slice_of(kinds, {"kind": "svd"})
    with pytest.raises(ValueError, match="strength has no values"):
        slice_of(kinds, {"strength": 0.1})
    with pytest.raises(ValueError, match="no axis 'strength'; it is one cell"):
        slice_of(sweep([0.1, 0.2]), {"strength": 0.1})


def test_arguments_are_taken_apart():
    assert parsed(("a=1", " time_constants.gates = 0.003")) == {"a": "1", "time_constants.gates": "0.003"}
    for text in ("a", "=1", "a=", ""):
        with pytest.raises(ValueError, match="write --at AXIS=VALUE"):
            parsed((text,))
    with pytest.raises(ValueError, match="'a' at 1 and at 2"):
        parsed(("a=1", "a=2"))
