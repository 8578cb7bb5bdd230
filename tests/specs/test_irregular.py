"""Configurations whose repetitions have sequences of tasks of their own."""

import jax
import numpy as np
import pytest

import ntadyn
from ntadyn.cli import _defaults
from ntadyn.specs import building, sequences
from ntadyn.specs.configuration import Configuration, Curriculum
from ntadyn.specs.differences import settings_of
from ntadyn.specs.ensemble import run_ensemble, run_variants
from ntadyn.specs.families import PRESETS
from ntadyn.specs.irregular import Irregular
from ntadyn.specs.irregular_presets import IRREGULAR, irregular
from ntadyn.specs.paths import replaced, to_json
from ntadyn.specs.spec import check_spec, curricula_of, curriculum_of
from ntadyn.specs.warnings import warnings_of

SHORT = Curriculum(block_duration=0.1, total_time=1.2)


@pytest.fixture(scope="module")
def keys():
    return building.keys_of(0, [(0, k, k) for k in range(3)])


def small(sequence) -> Irregular:
    return replaced(irregular(sequence), {"curriculum": SHORT, "teachers.d_in": 6, "teachers.d_out": 3})


@pytest.mark.parametrize(
    "name", ["irregular-hazard", *(pytest.param(name, marks=pytest.mark.slow) for name in list(IRREGULAR)[1:])]
)
def test_presets_draw_other_tasks_for_every_repetition(name, keys):
    spec = PRESETS[name]()
    check_spec(spec)
    assert warnings_of(spec) == []
    system, _ = jax.eval_shape(spec.build, building.first(keys))
    trials = spec.build_curriculum(system)
    both = jax.jit(lambda keys: curricula_of(spec, trials, keys))(keys)
    assert both.num_tasks == 2
    assert trials.num_blocks == 1000
    tasks = np.stack([both.of(k).tasks for k in range(3)])
    assert all(np.any(tasks[k] != tasks[0]) for k in (1, 2))
    second = jax.jit(lambda key: curriculum_of(spec, trials, key))(jax.tree.map(lambda leaf: leaf[1], keys))
    np.testing.assert_array_equal(second.tasks, tasks[1])
    np.testing.assert_array_equal(both.durations, trials.durations)


def test_a_configuration_is_written_as_ever():
    assert '"sequence"' not in to_json(Configuration())
    changed = to_json(replaced(IRREGULAR["irregular-gamma"](), {"sequence.cv": 0.5}))
    assert settings_of({"configuration": changed}).preset == "irregular-gamma"
    assert settings_of({"configuration": to_json(Configuration())}).preset == "figure-2-flexible"


@pytest.mark.slow
def test_a_simulation_says_which_task_each_repetition_had(keys):
    spec = replaced(small(sequences.Hazard(0.4)), {"randomness.num_seeds": 3})
    found = ntadyn.run(spec, records_per_block=0)
    assert found.task.dims == ("seed", "record")
    assert "block_tasks" not in found.attrs
    system, _ = jax.eval_shape(spec.build, building.first(keys))
    drawn = curricula_of(spec, spec.build_curriculum(system), building.keys(spec.randomness))
    for seed in range(3):
        np.testing.assert_array_equal(found.task[seed], drawn.of(seed).tasks[found.block.values])


def test_the_options_of_a_command_are_those_of_the_preset():
    command = _defaults(["simulate", "--preset", "irregular-gamma"])["simulate"]
    assert command.configuration == IRREGULAR["irregular-gamma"]()
    assert command.preset == "irregular-gamma"
    assert (
        _defaults(["sweep", "--preset", "irregular-redraw"])["sweep"].configuration == IRREGULAR["irregular-redraw"]()
    )


def test_the_key_of_a_sequence_is_not_that_of_batches(keys):
    seen = []

    class Spy:
        def draw(self, trials, key):
            seen.append(jax.random.key_data(key).tolist())
            return trials

    key = building.first(keys)
    replaced(small(sequences.Hazard(0.4)), {"sequence": Spy()}).draw_curriculum(None, key)
    # Batches are drawn by the key itself and by the first of its successors.
    batches = [key.data, jax.random.split(key.data, 1)[0], *jax.random.split(key.data)]
    assert seen[0] not in [jax.random.key_data(one).tolist() for one in batches]


@pytest.mark.slow
def test_blocks_of_a_file(tmp_path, keys):
    path = tmp_path / "sequence.csv"
    path.write_text("task,duration\nA,3\nB,1\nB,2\n")
    spec = small(sequences.FromCSV(str(path)))
    check_spec(spec)
    _, curricula = run_ensemble(spec, {}, keys=jax.tree.map(lambda leaf: leaf[:2], keys))
    for k in range(2):
        np.testing.assert_array_equal(curricula.of(k).tasks, [0, 1, 1])
    np.testing.assert_allclose(curricula.durations, [0.3, 0.1, 0.2])


@pytest.mark.parametrize(
    ("sequence", "told"),
    [
        (sequences.Hazard(0.0), "sequence.rate is 0"),
        (sequences.Redraw(1.5), "sequence.rate is 1.5"),
        (sequences.Redraw(0.5, first_share=1.0), "sequence.first_share is 1"),
        (sequences.GammaBlocks(mean=0.1, cv=1.0), "blocks must be longer than a trial"),
        (sequences.GammaBlocks(mean=0.4, cv=-1.0), "sequence.cv is -1"),
        (sequences.GammaBlocks(mean=0.2, cv=1.0, first_share=0.9), "of the rarest task last 0.04"),
        (sequences.Markov((0.5, 0.5)), "2 tasks need 4"),
        (sequences.Markov((0.5, 0.6, 0.5, 0.5)), "with the sum 1"),
        (sequences.FromCSV("nowhere.csv"), "no such file"),
        ("hazard", "one of ntadyn.specs.sequences"),
    ],
)
def test_sequences_out_of_range_are_refused(sequence, told):
    with pytest.raises(ValueError, match=told):
        check_spec(small(sequence))


def test_tasks_said_twice_and_nothing_to_switch_to_are_refused(keys):
    with pytest.raises(ValueError, match="both say the tasks"):
        check_spec(replaced(small(sequences.Hazard()), {"curriculum": Curriculum(tasks=(0, 1))}))
    with pytest.raises(ValueError, match="nothing to switch to"):
        check_spec(replaced(small(sequences.Hazard()), {"teachers.num_tasks": 1}))
    with pytest.raises(ValueError, match="one by one"):
        run_variants(small(sequences.Hazard()), {"sequence.rate": (0.1, 0.2)}, keys)
