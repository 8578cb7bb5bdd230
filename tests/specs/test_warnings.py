"""Runs that make no sense as asked are told from those that do."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.simulation import default_step
from ntadyn.specs import building
from ntadyn.specs.configuration import Composites, Configuration, Dynamics, TeacherKind, TeacherScale
from ntadyn.specs.extent import default_step_for, num_blocks, num_steps, order_of_tasks, size_of_teachers
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import SIMULATIONS
from ntadyn.specs.warnings import warnings_of
from ntadyn.sweeps.phase_maps import PRESETS

THREE = {"teachers.num_tasks": 3, "teachers.d_in": 30}


@pytest.mark.parametrize("preset", SIMULATIONS)
def test_presets_make_sense(preset):
    assert warnings_of(SIMULATIONS[preset]()) == []


@pytest.mark.parametrize("preset", PRESETS)
def test_maps_make_sense_at_their_longest_blocks(preset):
    ranges = PRESETS[preset]()
    assert warnings_of(replaced(ranges.base, {"curriculum.block_duration": ranges.block_duration[1]})) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"curriculum.block_duration": 30.0}, ["block_duration 30 is longer than the run of 20", "never switches"]),
        ({"curriculum.block_duration": 20.0}, ["1 blocks", "(task 0 in 1, task 1 in 0)"]),
        ({"curriculum.block_duration": 10.0}, ["2 blocks", "(task 0 in 1, task 1 in 1)"]),
        (THREE | {"curriculum.block_duration": 4.5}, ["5 blocks", "(task 2 in 1)"]),
        ({"curriculum.total_time": None, "curriculum.num_blocks": 3}, ["3 blocks", "(task 1 in 1)"]),
        (
            {"curriculum.name": None, "curriculum.tasks": (0, 0, 1), "curriculum.total_time": None},
            ["3 blocks", "(task 1 in 1)"],
        ),
        (
            {"curriculum.name": "A_B__AB__", "teachers.composites": Composites.SUM, "curriculum.total_time": 7.0},
            [],  # AB is met in blocks 5 and 6
        ),
        (
            {"curriculum.name": "A_B__AB__", "teachers.composites": Composites.SUM, "curriculum.total_time": 4.0},
            ["(task 1 in 1, task 2 in 1)"],
        ),
        ({"max_step": 0.2}, ["max_step 0.2", "times the default step", "estimate_error"]),
        ({"max_step": 0.01}, []),
        ({"dynamics": Dynamics.ONLINE, "max_step": 0.2}, ["max_step 0.2", "online", "smaller"]),
        ({"dynamics": Dynamics.ONLINE, "max_step": 0.01}, []),
        ({"teachers.overlap": 0.3}, ["teachers.overlap 0.3 has no effect"]),
        ({"teachers.overlap": 0.3, "teachers.kind": TeacherKind.OVERLAPPING}, []),
        ({"teachers.mixing": 0.3}, ["teachers.mixing 0.3 has no effect"]),
        ({"teachers.mixing": 0.3, "teachers.composites": Composites.SUM}, []),
        ({"batch_size": 7}, ["batch_size 7 has no effect"]),
        ({"batch_size": 7, "dynamics": Dynamics.ONLINE}, []),
        ({"randomness.data_seed": 7}, ["randomness.data_seed 7 has no effect"]),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_said(changes, words):
    told = warnings_of(replaced(Configuration(), changes))
    assert len(told) == bool(words), told
    assert all(word in told[0] for word in words)


def test_traced_and_array_values_are_not_looked_at():
    for value in (jnp.asarray(30.0), np.asarray([1.0, 30.0])):
        for path in ("curriculum.block_duration", "max_step", "time_constants.gates", "teachers.overlap"):
            warnings_of(replaced(Configuration(), {path: value}))


@pytest.mark.parametrize("kind", TeacherKind)
@pytest.mark.parametrize("scale", TeacherScale)
def test_the_step_that_warnings_compare_with_is_the_default_one(kind, scale):
    changes = {"teachers.kind": kind, "teachers.scale": scale, "teachers.overlap": 0.3}
    configuration = replaced(Configuration(), changes)
    system, state = building.build(configuration, building.first(building.keys(configuration.randomness)))
    expected = float(default_step(system, state))
    told = default_step_for(configuration, size_of_teachers(configuration.teachers))
    assert told == pytest.approx(expected, rel=0.2)
    assert num_steps(configuration) == pytest.approx(20 / expected, rel=0.2)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"curriculum.total_time": 20.3},
        {"curriculum.block_duration": 0.1},
        {"curriculum.block_duration": 0.7, "curriculum.total_time": 2.1},
        {"curriculum.block_duration": 30.0},
        {"curriculum.total_time": None, "curriculum.num_blocks": 7},
        {"curriculum.name": None, "curriculum.tasks": (0, 0, 1)},
        {"curriculum.name": None, "curriculum.tasks": (0, 0, 1), "curriculum.total_time": None},
        {"curriculum.name": "B_AB__A_B_AB__", "teachers.composites": Composites.SUM},
    ],
    ids=str,
)
def test_blocks_are_counted_and_named_as_they_are_built(changes):
    configuration = replaced(Configuration(), changes)
    system, _ = building.build(configuration, building.first(building.keys(configuration.randomness)))
    curriculum = building.build_curriculum(configuration.curriculum, system.tasks)
    assert num_blocks(configuration.curriculum) == curriculum.num_blocks
    assert order_of_tasks(configuration) == np.asarray(curriculum.tasks).tolist()
    assert configuration.curriculum.end == pytest.approx(float(curriculum.total_time))


def test_warnings_come_without_jax():
    program = (
        "import sys; from ntadyn.specs import Configuration, Curriculum, warnings_of; "
        "assert warnings_of(Configuration(curriculum=Curriculum(block_duration=30.0))); "
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
