"""Executables of tiles, found by what they are made of."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn import compilation_cache
from ntadyn.compilation_cache import EXECUTABLE
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import OUTCOME, Sweep, as_axes, tiles
from ntadyn.sweeps.kept_executables import executable
from ntadyn.sweeps.tiles import TiledSweep


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(compilation_cache, "_kept_in", [tmp_path])
    return tmp_path


@pytest.fixture
def identity():
    return {"this test": os.urandom(8).hex()}  # else JAX's own cache may hold it from another run


def program():
    return lambda numbers: {"twice": 2 * numbers["x"], "all": jnp.sum(numbers["x"])}


def never():
    pytest.fail("made again")


ARGUMENTS = ({"x": jnp.arange(3.0)},)


def test_a_program_is_made_once(folder, identity):
    made = executable(program, ARGUMENTS, identity)(*ARGUMENTS)
    assert [path.name.endswith(EXECUTABLE) for path in folder.iterdir()] == [True]
    found = executable(never, ARGUMENTS, identity)(*ARGUMENTS)
    assert found.keys() == made.keys()
    for name in made:
        np.testing.assert_array_equal(found[name], made[name])


def test_everything_that_a_program_is_made_of_tells_it_apart(folder, identity):
    def called(arguments, identity):
        return executable(program, arguments, identity)(*arguments)["all"]

    called(ARGUMENTS, identity)
    for arguments in (({"x": jnp.arange(4.0)},), ({"x": jnp.arange(3)},), ({"x": jnp.ones(3), "y": jnp.ones(3)},)):
        assert called(arguments, identity) == jnp.sum(arguments[0]["x"])
    called(ARGUMENTS, identity | {"more": 1})
    assert len(list(folder.iterdir())) == 5


def test_nothing_is_kept_without_a_folder_or_an_identity(folder, identity, monkeypatch):
    executable(program, ARGUMENTS)
    monkeypatch.setattr(compilation_cache, "_kept_in", [])
    executable(program, ARGUMENTS, identity)
    assert list(folder.iterdir()) == []


def test_a_damaged_executable_is_made_again(folder, identity):
    executable(program, ARGUMENTS, identity)
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    found = executable(program, ARGUMENTS, identity)(*ARGUMENTS)
    np.testing.assert_array_equal(found["twice"], [0.0, 2.0, 4.0])


@pytest.mark.slow
def test_what_jax_has_loaded_is_not_kept_because_it_could_not_be_run_again(folder, identity):
    executable(program, ARGUMENTS, identity)
    for path in folder.iterdir():
        path.unlink()
    jax.clear_caches()
    executable(program, ARGUMENTS, identity)  # which JAX finds in its own cache
    assert list(folder.iterdir()) == []


@pytest.fixture
def plan():
    small = {"teachers.d_in": 4, "teachers.d_out": 2, "randomness.num_seeds": 2, "curriculum.total_time": 1.0}
    small |= {"max_step": 0.001}  # few groups in a tile
    small |= {"randomness.seed": int.from_bytes(os.urandom(3))}
    return Sweep(replaced(Configuration(), small), as_axes({"time_constants.gates": (0.3, 0.4)}))


def test_a_tile_finds_its_executable(folder, plan, monkeypatch):
    def simple(structure, measures, precision):
        return lambda work, keys: {"loss": jnp.ones((structure.num_groups, structure.num_cells, keys.data.shape[0]))}

    monkeypatch.setattr(tiles, "run_program", simple)
    TiledSweep.make(plan, OUTCOME).compile()
    monkeypatch.setattr(tiles, "run_program", lambda *arguments: never())
    assert TiledSweep.make(plan, OUTCOME).compute(0).loss.values.tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.slow
def test_an_executable_that_is_read_back_computes_the_same_bits(folder, plan, monkeypatch):
    first = TiledSweep.make(plan, OUTCOME).compute(0)
    monkeypatch.setattr(tiles, "run_program", lambda *arguments: never())
    assert TiledSweep.make(plan, OUTCOME).compute(0).identical(first)


def test_functions_of_others_are_not_taken_for_known(folder):
    measures = OUTCOME.and_also(scores={"mine": lambda record: record.values["loss"][-1]})
    plan = Sweep(Configuration(), as_axes({"time_constants.gates": (0.3, 0.4)}))
    tiled = TiledSweep.make(plan, measures)
    assert tiled._identity_of_program(tiled.tiles[0].structure, False, None) is None
    assert TiledSweep.make(plan)._identity_of_program(tiled.tiles[0].structure, False, None) is not None
