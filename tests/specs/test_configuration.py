import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

from ntadyn.specs.configuration import Configuration, Dynamics, TeacherKind
from ntadyn.specs.paths import flat, is_real, plain, replaced, to_json, value_at


def every_path(node=None, prefix=""):
    node = Configuration() if node is None else node
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        if dataclasses.is_dataclass(value):
            yield from every_path(value, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}"


@pytest.mark.parametrize("path", list(every_path()))
def test_replacing_changes_one_parameter_and_nothing_else(path):
    before, marker = Configuration(), object()
    after = replaced(before, {path: marker})
    assert value_at(after, path) is marker
    assert replaced(after, {path: value_at(before, path)}) == before
    assert before == Configuration()


def test_several_parameters_can_be_replaced_at_once():
    after = replaced(Configuration(), {"teachers.d_in": 7, "dynamics": Dynamics.ONLINE})
    assert (after.teachers.d_in, after.dynamics, after.teachers.d_out) == (7, Dynamics.ONLINE, 10)
    assert replaced(after, {}) is after


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("time_constant.gates", "time_constants"),
        ("time_constants.gate", "weights"),
        ("seed", "randomness"),
        ("teachers.d_in.size", "no parameter"),
        ("", "teachers"),
    ],
)
def test_an_unknown_parameter_is_refused_with_those_that_exist(path, known):
    with pytest.raises(ValueError, match=known) as caught:
        replaced(Configuration(), {path: 1.0})
    assert repr(path) in str(caught.value)


def test_real_parameters_are_told_from_counts_and_choices():
    real = {path for path in every_path() if is_real(Configuration(), path)}
    assert {"time_constants.gates", "penalties.strength", "penalties.unit_l2", "network.initial_gate"} <= real
    assert {"max_step", "teachers.overlap"} <= real
    assert not real & {"network.num_paths", "teachers.kind", "randomness.seed", "curriculum.name", "batch_size"}


# A sample of all kinds of values that can be changed from the command line.
CHANGES = {
    "teachers.d_in": st.integers(1, 3),
    "teachers.kind": st.sampled_from(TeacherKind),
    "curriculum.name": st.sampled_from(["A_B__", "AB_BC__"]),
    "time_constants.gates": st.sampled_from([1, 1.0, 2, 0.1, 0.1 + 1e-16]),
    "penalties.unit_l2": st.sampled_from([None, 0, 0.0, -0.0, 1]),
    "randomness.vary_teachers": st.booleans(),
}
changes = st.fixed_dictionaries({}, optional=CHANGES)


@given(changes, changes)
def test_equal_configurations_and_no_others_have_equal_text(one_change, other_change):
    one, other = (replaced(Configuration(), change) for change in (one_change, other_change))
    assert (to_json(one) == to_json(other)) == (one == other)


def test_text_is_json_with_sorted_keys_and_names_of_choices():
    text = to_json(Configuration())
    content = json.loads(text)
    assert text == json.dumps(content, sort_keys=True)
    assert content["teachers"]["kind"] == "ORTHOGONAL"
    assert content["penalties"]["unit_l2"] is None
    assert {path.split(".")[0] for path in every_path()} == set(content)


def test_arrays_of_one_number_are_written_as_that_number():
    plain = replaced(Configuration(), {"time_constants.gates": 0.25, "randomness.num_seeds": 3})
    arrays = {"time_constants.gates": jnp.asarray(0.25), "randomness.num_seeds": np.int64(3)}
    assert to_json(replaced(Configuration(), arrays)) == to_json(plain)


def test_all_parameters_are_told_by_path():
    told = flat(Configuration())
    assert set(told) == set(every_path())
    for path, value in told.items():
        assert value == plain(value_at(Configuration(), path))
