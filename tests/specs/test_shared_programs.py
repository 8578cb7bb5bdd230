"""Programs that specs share: who changes a number waits for no compiler, and gets what its own would compute."""

import contextlib
import dataclasses

import jax
import numpy as np
import pytest

import ntadyn
from ntadyn.specs import building, ensemble, programs, shared_programs
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.continual_presets import continual_fine_tuning
from ntadyn.specs.ensemble import keys_for, run_ensemble
from ntadyn.specs.families import FAMILIES
from ntadyn.specs.paths import real_parameters, replaced
from ntadyn.specs.shared_programs import Recipe, recipe_of
from ntadyn.specs.strategies import FineTuning
from tests.sweeps.own_spec import TanhOnData

ONLINE = replaced(
    Configuration(),
    {
        "teachers.d_in": 4,
        "teachers.d_out": 2,
        "curriculum.total_time": 1.0,
        "curriculum.block_duration": 0.5,
        "randomness.num_seeds": 2,
        "dynamics": Dynamics.ONLINE,
        "batch_size": 4,
        "max_step": 0.05,
    },
)
NUMBERS = (
    {"randomness.seed": 3},
    {"time_constants.gates": 0.7},
    {"penalties.strength": 0.3},
    {"network.initial_scale": 0.2},
    {"max_step": 0.02},
    {"curriculum.block_duration": 0.4, "curriculum.total_time": 0.8},
)


@contextlib.contextmanager
def compilations():
    """Names of what is compiled, or loaded from a folder of what was."""
    names = []

    def hear(event, seconds, **told):
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(told["fun_name"])

    jax.monitoring.register_event_duration_secs_listener(hear)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(hear)


def key_of(spec):
    return building.first(keys_for(spec))


def compiled(spec):
    with compilations() as names:
        found = ntadyn.run(spec, records_per_block=1)
    return names, found


@pytest.fixture(scope="module")
def of_first():
    return compiled(ONLINE)


@pytest.mark.slow
def test_numbers_and_seeds_compile_nothing(of_first):
    names, first = of_first
    assert [name for name in names if name in ("jit(run_all)", "jit(build_one)")] == ["jit(build_one)", "jit(run_all)"]
    for change in ({}, *NUMBERS):
        names, found = compiled(replaced(ONLINE, change))
        assert names == []
        assert (change == {}) == bool(np.all(found.loss.values == first.loss.values))


@pytest.mark.slow
def test_another_number_of_blocks_compiles_the_runs_alone(of_first):
    names, found = compiled(replaced(ONLINE, {"curriculum.total_time": 1.5}))
    assert found.sizes["record"] == 3 * of_first[1].sizes["record"] // 2
    assert names.count("jit(run_all)") == 1
    assert "jit(build_one)" not in names


@pytest.mark.slow
def test_numbers_that_are_data_give_what_compiled_ones_give(monkeypatch):
    spec = replaced(ONLINE, {path: value for change in NUMBERS for path, value in change.items()})
    shared = run_ensemble(spec)[0]
    monkeypatch.setattr(ensemble, "recipe_of", lambda spec, key, varied: (lambda numbers, key: spec.build(key), {}))
    alone = run_ensemble(spec)[0]
    assert shared.values.keys() == alone.values.keys()
    for name, values in shared.values.items():
        np.testing.assert_allclose(values, alone.values[name], rtol=1e-12, atol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.default_name)
def test_all_numbers_of_shipped_specs_are_data_but_zeros(family):
    spec = family.default()
    recipe, numbers = recipe_of(spec, key_of(spec))
    assert isinstance(recipe, Recipe)
    assert numbers == {path: value for path, value in real_parameters(spec).items() if value != 0}
    again, others = recipe_of(replaced(spec, {path: 0.99 * value for path, value in numbers.items()}), key_of(spec))
    assert again == recipe
    assert others.keys() == numbers.keys()


@dataclasses.dataclass(frozen=True)
class Choosy(TanhOnData):
    """Builds with a number that it looks at."""

    def build(self, keys):
        if self.scale > 0.1:
            return super().build(keys)
        raise ValueError("too small")


@dataclasses.dataclass(frozen=True)
class Mine(FineTuning):
    """A strategy of somebody's own."""


def test_what_is_somebody_elses_or_an_array_is_not_kept():
    own = TanhOnData()
    part = replaced(continual_fine_tuning(), {"strategy": Mine()})
    array = replaced(ONLINE, {"penalties.strength": jax.numpy.asarray(0.1)})
    for spec in (own, part, array):
        recipes, numbers = zip(*(recipe_of(spec, key_of(spec)) for _ in range(2)), strict=True)
        assert recipes[0] != recipes[1]
        assert numbers == ({}, {})


def test_a_number_that_building_asks_for_is_compiled_in(monkeypatch):
    monkeypatch.setattr(shared_programs, "is_shipped", lambda spec: True)
    key = key_of(TanhOnData())
    assert recipe_of(TanhOnData(), key)[1] != {}
    assert recipe_of(Choosy(), key) == (Recipe(Choosy()), {})


def test_programs_go_if_there_are_many(monkeypatch, tmp_path):
    cleared = []
    monkeypatch.setattr("jax.clear_caches", lambda: cleared.append(True))
    mappings = tmp_path / "maps"
    monkeypatch.setattr(programs, "_MAPPINGS", mappings)
    assert not programs.forget_programs()
    mappings.write_text("0-1\n" * 5)
    assert [programs.forget_programs(many) for many in (6, 5)] == [False, True]
    assert cleared == [True]


@pytest.mark.slow
def test_every_run_asks_whether_programs_are_many(of_first, monkeypatch, tmp_path):
    cleared = []
    monkeypatch.setattr("jax.clear_caches", lambda: cleared.append(True))
    monkeypatch.setattr(programs, "_MAPPINGS", tmp_path / "maps")
    for lines, times in ((programs.MANY - 1, 0), (programs.MANY, 1)):
        (tmp_path / "maps").write_text("0-1\n" * lines)
        ntadyn.run(ONLINE, records_per_block=1)
        assert len(cleared) == times
