"""Hierarchies of gates as plain values."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

from ntadyn.dynamics import GradientFlow, OrderParameters
from ntadyn.specs import building
from ntadyn.specs.hierarchy_presets import HIERARCHIES, contexts
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import check_spec
from ntadyn.sweeps import Axis, Sweep
from ntadyn.sweeps.suiting_measures import measures_for

KEY = building.Keys(*map(jax.random.key, range(3)))


def test_every_level_is_slower_than_the_one_below_by_the_same_ratio():
    system, state = HIERARCHIES["contexts-deep"]().build(KEY)
    taus = {name: float(tau) for name, tau in system.time_constants.items()}
    assert taus["contexts_1"] == pytest.approx(3 * taus["contexts_2"]) == pytest.approx(9 * taus["gates"])
    assert taus["gates"] == pytest.approx(0.03 * taus["weights"])
    assert [level.size for level in system.levels(state)] == [2, 4, 8]


@pytest.mark.parametrize(("weight_space", "kind"), [(True, GradientFlow), (False, OrderParameters)])
def test_weights_are_followed_if_they_are_asked_for(weight_space, kind):
    system, _ = dataclasses.replace(contexts(), weight_space=weight_space).build(KEY)
    assert isinstance(system.paths, kind)


def test_the_stream_takes_contexts_in_turn():
    curriculum: Any = contexts().build_curriculum(None)
    np.testing.assert_array_equal(curriculum.tasks[:9], [0, 1, 0, 1, 2, 3, 2, 3, 0])


@pytest.mark.parametrize(("name", "kept"), [("contexts", True), ("contexts-flat", False)])
def test_sweeps_keep_what_becomes_of_contexts_where_there_are_some(name, kept):
    sweep = Sweep(HIERARCHIES[name](), (Axis("clocks.gates_to_weights", (0.03,)),), num_seeds=1)
    scores = measures_for(sweep).scores
    assert "last_alignment" in scores
    assert ({"context_alignment", "kept_gates"} <= scores.keys()) == kept


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stream.branches": (2, 3)}, "make 6 tasks, but there are 4 teachers"),
        ({"stream.visits": (0,)}, "stream.visits is"),
        ({"stream.visits": (4, 4)}, "1 of visits"),
        ({"stream.num_blocks": 0}, "stream.num_blocks 0"),
        ({"network.branches": (0, 2)}, "network.branches is"),
        ({"clocks.weights": -1.0}, "clocks.weights is -1.0"),
        ({"context_penalties.frobenius": 1.0}, "terms on weights"),
    ],
)
def test_values_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        check_spec(replaced(contexts(), changes))
