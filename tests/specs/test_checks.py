"""Every parameter, given every kind of nonsense, is refused by name, or built."""

import dataclasses
import enum
import math
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn import limits
from ntadyn.simulation import default_step
from ntadyn.simulation.time_grid import lay_out
from ntadyn.specs import building
from ntadyn.specs.checks import check_configuration, check_parts, check_simulation
from ntadyn.specs.configuration import (
    NO_PENALTIES,
    Composites,
    Configuration,
    Dynamics,
    Gating,
    TeacherKind,
    TeacherScale,
)
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.paths import is_real, replaced
from ntadyn.specs.presets import SIMULATIONS
from ntadyn.sweeps import sweep
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import Axis, Streams, Sweep
from ntadyn.tasks.curricula import alternating


def leaves(node, prefix=""):
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, value


PARAMETERS = dict(leaves(Configuration()))
NONSENSE = {
    "nan": math.nan, "inf": math.inf, "minus inf": -math.inf, "negative": -1, "zero": 0, "huge": 1e300,
    "huge whole": 10**30, "beyond float": 10**400, "tiny": 5e-324, "half": 0.5, "text": "a", "yes": True, "none": None,
    "list": [1.0], "complex": 1j, "object": object(),
}  # fmt: skip


def built(configuration):
    """Shapes only: nothing is simulated or allocated."""
    key = building.first(building.keys(configuration.randomness))
    system, _ = jax.eval_shape(lambda key: building.build(configuration, key), key)
    building.build_curriculum(configuration.curriculum, system.tasks)


def refusal(configuration):
    """What is said against a configuration; nothing if it is accepted."""
    try:
        check_configuration(configuration)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("path", PARAMETERS)
def test_nonsense_is_refused_by_name_or_built(path, value):
    configuration = replaced(Configuration(), {path: value})
    message = refusal(configuration)
    if message:
        assert path.split(".")[-1] in message
        assert len(message) < 400
    elif isinstance(PARAMETERS[path], str):
        assert isinstance(value, str)
        with pytest.raises(ValueError, match="the curriculum 'a'; known are A_B__"):
            check_parts(configuration)
    else:
        assert not isinstance(PARAMETERS[path], enum.Enum)
        # Signatures that are checked in tests tell 0 from 0.0; nothing else does.
        real = is_real(configuration, path) and isinstance(value, int) and not isinstance(value, bool)
        built(replaced(configuration, {path: float(value)}) if real else configuration)


@pytest.mark.parametrize("preset", SIMULATIONS)
def test_presets_pass(preset):
    check_simulation(SIMULATIONS[preset]())


UNMADE = [
    {"teachers.d_in": 19},
    {"teachers.kind": TeacherKind.AXIS_ALIGNED, "teachers.num_tasks": 3},
    {"teachers.kind": TeacherKind.SVD, "teachers.num_tasks": 11},
    {"teachers.kind": TeacherKind.OVERLAPPING, "teachers.overlap": 0.0},
    {"teachers.kind": TeacherKind.IID, "teachers.scale": TeacherScale.NUM_SV, "teachers.num_tasks": 11},
    {"teachers.num_tasks": 1, "teachers.composites": Composites.SUM},
    {"teachers.d_out": 1, "teachers.composites": Composites.INTERLEAVED},
    {"teachers.num_tasks": 1},
    {"curriculum.name": "A_Z__"},
    {"curriculum.name": "A_B__AB__"},
    {"curriculum.name": "AB_CD__AD__"},
    {"curriculum.name": None, "curriculum.tasks": (0, 2)},
]


@pytest.mark.parametrize("changes", UNMADE, ids=str)
def test_what_cannot_be_made_is_refused_in_the_words_of_those_that_make_it(changes):
    configuration = replaced(Configuration(), changes)
    with pytest.raises(ValueError, match=".") as early:
        check_simulation(configuration)
    with pytest.raises(ValueError, match=".") as late:
        built(configuration)
    if "curriculum.tasks" not in changes:
        assert str(early.value) == str(late.value)


@pytest.mark.parametrize("kind", TeacherKind)
@pytest.mark.parametrize("composites", Composites)
def test_whatever_can_be_made_passes(kind, composites):
    changes = {"teachers.kind": kind, "teachers.composites": composites, "teachers.overlap": 0.5}
    for sizes in ({}, {"teachers.num_tasks": 3, "teachers.d_in": 30}):
        configuration = replaced(Configuration(), changes | sizes)
        check_simulation(configuration)
        built(configuration)


def test_traced_and_array_values_pass():
    for value in (np.float64(0.3), jnp.asarray(0.3), np.ones(3)):
        check_configuration(replaced(Configuration(), {"time_constants.gates": value}))
    jax.eval_shape(lambda x: check_configuration(replaced(Configuration(), {"penalties.strength": x})), 0.1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"penalties.column_l2": 1.0}, ["penalties.column_l2", "order_parameters", "gradient_flow"]),
        (
            {"penalties.column_l1": 1.0, "dynamics": Dynamics.GRADIENT_FLOW, "network.gating": Gating.LAYER},
            ["penalties.column_l1", "layer"],
        ),
        ({"penalties.nonnegative": 0.0, "penalties.unit_l1": 0.0}, ["nonnegative", "unit_l1", "strength"]),
        ({"teachers.d_in": 10**6, "teachers.d_out": 10**6}, ["d_out", "d_in", "GiB"]),
        ({"randomness.num_seeds": 10**6, "teachers.d_in": 10**4}, ["num_seeds", "d_in", "GiB"]),
        ({"curriculum.block_duration": 1e-9}, ["block_duration", "total_time", "1,000,000"]),
        ({"curriculum.num_blocks": 4}, ["curriculum.num_blocks 4", "curriculum.total_time 20.0", "leave out one"]),
        ({"curriculum.tasks": (0, 1)}, ["curriculum.tasks (0, 1)", "curriculum.name 'A_B__'", "leave out one"]),
        ({"curriculum.name": None}, ["curriculum.name and curriculum.tasks", "give one"]),
        ({"curriculum.total_time": None}, ["curriculum.total_time and curriculum.num_blocks", "give one"]),
        ({"coefficients.unit_l1": 1.0}, ["coefficients.unit_l1", "penalties.nonnegative", "exclude each other"]),
        (
            {"coefficients.l2": 1.0, "penalties.nonnegative": None, "penalties.unit_l1": None},
            ["coefficients.l2", "penalties.strength", "exclude each other"],
        ),
        (
            {"coefficients.column_l2": 1.0, "penalties": NO_PENALTIES},
            ["coefficients.column_l2", "order_parameters", "gradient_flow"],
        ),
    ],
)
def test_what_excludes_each_other_or_is_too_large_is_named(changes, words):
    message = refusal(replaced(Configuration(), changes))
    assert all(word in message for word in words), message


def test_the_library_refuses_what_is_too_large_before_it_allocates():
    began = time.perf_counter()
    huge = tuple(range(1, 4001))
    axes = (Axis("penalties.strength", huge), Axis("network.initial_gate", huge))
    refused = [
        ("num_seeds", lambda: run_ensemble(replaced(Configuration(), {"randomness.num_seeds": 10**8}))),
        ("cells", lambda: Sweep(Configuration(), axes).check_values()),
        (
            "repetitions",
            lambda: Sweep(Configuration(), axes[:1], streams=Streams(1000, 1000, 1000)).check_values(),
        ),
        ("num_seeds", lambda: sweep(Configuration(), {"penalties.strength": (0.1, 0.2)}, seeds=10**8)),
        ("--size", lambda: figure_5_maps(dataclasses.replace(published(), size=(20000, 20000)))),
        ("max_step", lambda: lay_out(alternating(2, 2, 1.0), 1e-12)),
        ("records_per_block", lambda: lay_out(alternating(2, 2, 1.0), 0.1, records_per_block=10**9)),
    ]
    for words, call in refused:
        with pytest.raises(ValueError, match=words):
            call()
    assert time.perf_counter() - began < 20  # seconds; allocating any of this takes minutes, or all memory


def test_large_things_remain_possible():
    assert limits.MOST_STEPS >= 1e8
    assert limits.MOST_TRAJECTORIES >= 1e7
    Sweep(Configuration(), (Axis("penalties.strength", tuple(i / 1000 for i in range(1000))),)).check_values()
    check_configuration(replaced(Configuration(), {"teachers.d_in": 20_000, "curriculum.total_time": 1e5}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"time_constants.gates": 1e-12}, "time_constants.gates 1e-12 and weights 1.3"),
        ({"max_step": 1e-9}, "max_step 1e-09"),
    ],
    ids=str,
)
def test_steps_without_number_are_refused_before_anything_is_built(changes, named, monkeypatch):
    monkeypatch.setattr(building, "build", lambda *args: pytest.fail("built before the steps were counted"))
    configuration = replaced(SIMULATIONS["figure-2-flexible"](), changes)
    with pytest.raises(ValueError, match=rf"{named}.* in total_time 20: that makes .*, and the limit is 200,000,000"):
        run_ensemble(configuration)


def test_the_number_of_steps_is_not_overstated():
    """What is refused by it would have been refused by the time grid."""
    for preset, make in SIMULATIONS.items():
        configuration = make()
        if configuration.dynamics is Dynamics.ONLINE or configuration.max_step is not None:
            continue
        key = building.first(building.keys(configuration.randomness))
        system, state = building.build(configuration, key)
        size = 1.0 if configuration.teachers.scale.name != "D_IN" else configuration.teachers.d_in**-0.5
        taus = configuration.time_constants
        stated = limits.STEP_OF_EXCHANGE * np.sqrt(taus.gates * taus.weights) / size
        assert default_step(system, state) <= stated * (1 + 1e-12), preset


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("teachers.overlap", np.float32(7)),
        ("network.num_paths", np.array(3.7)),
        ("network.num_paths", np.array([2, 3])),
        ("max_step", np.array([0.1, 0.2])),
        ("network.initial_scale", np.array("abc")),
        ("time_constants.gates", np.float64(-1.0)),
        ("teachers.overlap", np.array(True)),
    ],
    ids=str,
)
def test_numbers_of_numpy_are_checked_like_others(path, value):
    assert path in refusal(replaced(Configuration(), {path: value}))


def test_seeds_are_a_whole_number_or_streams():
    # Signatures, which tests check, let truth values through, but nothing else that is no number.
    with pytest.raises(ValueError, match="seeds is True"):
        sweep(Configuration(), {"time_constants.gates": (0.01, 0.02)}, seeds=True)
