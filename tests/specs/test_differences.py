import json

import pytest

from ntadyn.specs.configuration import Configuration
from ntadyn.specs.differences import differences_from_defaults, settings_of
from ntadyn.specs.paths import replaced, to_json
from ntadyn.specs.presets import SIMULATIONS


def attributes(preset="figure-2-forgetful", named=True, **changes):
    changes = {path.replace("__", "."): value for path, value in changes.items()}
    held = {"configuration": to_json(replaced(SIMULATIONS[preset](), changes))}
    return held | ({"preset": preset} if named else {})


@pytest.mark.parametrize("preset", SIMULATIONS)
def test_a_preset_as_it_is_has_nothing_that_differs(preset):
    assert settings_of(attributes(preset)).short() == preset
    assert settings_of(attributes(preset, named=False)).short() == preset


def test_what_differs_from_a_named_preset_is_told():
    settings = settings_of(attributes(network__num_paths=3, time_constants__gates=0.05))
    assert settings.short() == "figure-2-forgetful; network.num_paths = 3, time_constants.gates = 0.05"


def test_without_a_name_the_preset_that_comes_closest_is_taken_and_said_to_be():
    settings = settings_of(attributes("figure-6-flexible", named=False, max_step=0.005))
    assert settings.short() == "nearest preset figure-6-flexible; max_step = 0.005"
    other = settings_of(attributes("figure-6-flexible", named=False) | {"preset": "my own"})
    assert (other.preset, other.named) == ("figure-6-flexible", False)


def test_axes_and_the_number_of_repetitions_are_no_differences():
    held = attributes(time_constants__gates=0.05, randomness__num_seeds=3)
    assert settings_of(held, {"time_constants.gates"}).short() == "figure-2-forgetful"


def test_what_finds_no_room_is_counted():
    held = attributes(network__num_paths=3, network__initial_gate=0.25, max_step=0.01, batch_size=7)
    assert settings_of(held).short(60) == "figure-2-forgetful; batch_size = 7, 3 more differ"
    assert settings_of(held).short(40) == "figure-2-forgetful; 4 parameters differ"


def test_other_versions_differ_by_name():
    node = json.loads(to_json(Configuration()))
    del node["batch_size"]
    node["network"]["colour"] = "red"
    texts = settings_of({"configuration": json.dumps(node)}).short()
    assert texts == "nearest preset figure-2-flexible; batch_size = not recorded, network.colour = red"


def test_configurations_of_other_kinds_have_no_preset_and_differ_in_everything():
    held = {"configuration": json.dumps({"tau_v": 0.3, "inner": {"rate": 2}}), "preset": "figure-2-flexible"}
    assert settings_of(held) is None
    assert settings_of({}) is None
    assert [str(item) for item in differences_from_defaults(held)] == ["inner.rate = 2", "tau_v = 0.3"]
