"""What tells the functions of one sweep from those of another."""

import jax.numpy as jnp

from ntadyn.sweeps import OUTCOME
from ntadyn.sweeps.scores import path_order


def kept(function):
    return OUTCOME.and_also(scores={"mine": function}).identity()["scores"]["mine"]


def test_functions_of_the_same_name_are_told_apart_by_what_they_do():
    assert kept(lambda record: 1.0) != kept(lambda record: 2.0)
    assert kept(lambda record: record.times) != kept(lambda record: record.blocks)
    assert kept(lambda record: [x + 1 for x in record.times]) != kept(lambda record: [x + 2 for x in record.times])


def test_only_what_a_function_does_counts():
    def make():
        def score(record):
            return record.times[0] in {0.0, 1.0}

        return score

    one = kept(make())
    assert kept(make()) == one
    assert "test_only_what_a_function_does_counts" in one


def test_functions_of_the_package_belong_to_its_version():
    assert OUTCOME.identity()["scores"]["alignment"] == "ntadyn.sweeps.scores.alignment"


def test_paths_follow_the_teachers_that_they_are_assigned_to():
    assert path_order(jnp.array([2, 0]), 4).tolist() == [2, 0, 1, 3]
    assert path_order(jnp.array([1, 0]), 2).tolist() == [1, 0]
