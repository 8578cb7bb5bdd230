"""Sweeps in which every repetition draws its tasks: against single simulations, on lanes and beside them."""

import jax
import numpy as np
import pytest

from ntadyn.simulation import simulate
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.specs import building, sequences
from ntadyn.specs.configuration import Curriculum, Dynamics
from ntadyn.specs.irregular import Irregular
from ntadyn.specs.irregular_presets import irregular, irregular_hazard
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import curriculum_of
from ntadyn.sweeps import Sweep, as_axes, run_sweep, sweep
from ntadyn.sweeps.layout import lay_out_sweep
from ntadyn.sweeps.sequence_scores import IRREGULAR, task_in_force
from ntadyn.tasks.side_by_side import SideBySide

AXES = {"sequence.mean": (0.3, 0.6), "sequence.cv": (0.0, 1.0)}


def small(sequence, **changes) -> Irregular:
    given = {"curriculum": Curriculum(block_duration=0.1, total_time=3.0), "teachers.d_in": 6, "teachers.d_out": 3}
    return replaced(irregular(sequence), given | {"randomness.num_seeds": 3} | changes)


@pytest.fixture(scope="module")
def on_lanes():
    return sweep(small(sequences.GammaBlocks()), AXES)


@pytest.mark.slow
def test_a_sweep_is_single_simulations_with_the_same_sequences(on_lanes):
    whole = small(sequences.GammaBlocks())
    keys = building.keys(whole.randomness)
    system, state = whole.build(building.first(keys))
    trials = whole.build_curriculum(system)

    @jax.jit
    def one(mean, cv, key):
        spec = replaced(whole, {"sequence.mean": mean, "sequence.cv": cv})
        system, state = spec.build(key)
        observed = {"task": task_in_force, "gates": lambda system, state, task: system.gates(state)}
        curriculum = curriculum_of(spec, trials, key)
        found = simulate(system, curriculum, state, method=FixedSteps(max_step=0.002), observables=observed)
        return found.values["task"], found.values["gates"][-1]

    for mean in (0.3, 0.6):
        for seed in (0, 2):
            key = jax.tree.map(lambda leaf, seed=seed: leaf[seed], keys)
            tasks, gates = one(mean, 1.0, key)
            cell = on_lanes.sel(sequence_mean=mean, sequence_cv=1.0, seed=seed)
            assert int(cell.switches) == np.sum(np.diff(np.asarray(tasks)) != 0)
            np.testing.assert_allclose(np.sort(cell.gates.values), np.sort(gates), atol=2e-3)


@pytest.mark.slow
def test_all_cells_share_one_program_and_regular_ones_one_sequence(on_lanes):
    tiles = lay_out_sweep(Sweep(small(sequences.GammaBlocks()), as_axes(AXES)))
    assert len({repr(tile.structure) for tile in tiles}) == 1
    regular, drawn = (on_lanes.switches.sel(sequence_mean=0.3, sequence_cv=cv).values for cv in (0.0, 1.0))
    assert set(regular) == {9}
    assert len(set(drawn)) > 1
    assert int(on_lanes.result.max()) == 0


@pytest.mark.slow
def test_other_methods_run_the_same_sequences(on_lanes):
    beside = small(sequences.GammaBlocks(), dynamics=Dynamics.GRADIENT_FLOW, max_step=0.005)
    found = sweep(beside, AXES)
    np.testing.assert_array_equal(found.switches, on_lanes.switches)
    np.testing.assert_allclose(found.last_alignment, on_lanes.last_alignment, atol=5e-3)


@pytest.mark.slow
def test_files_are_an_axis_of_one_program(tmp_path):
    paths = []
    for name, text in (("long", "task,duration\nA,20\nB,10\n"), ("short", "task\n" + "A\nB\n" * 8)):
        paths.append(str(tmp_path / f"{name}.csv"))
        (tmp_path / f"{name}.csv").write_text(text)
    plan = Sweep(small(sequences.FromCSV(paths[0])), as_axes({"sequence.path": tuple(paths)}))
    tiles = lay_out_sweep(plan)
    assert len({repr(tile.structure) for tile in tiles}) == 1
    found = run_sweep(plan)
    np.testing.assert_array_equal(found.switches, [[1, 1, 1], [15, 15, 15]])


@pytest.mark.slow
def test_curricula_side_by_side_are_each_of_them():
    spec = irregular_hazard()
    keys = building.keys_of(0, [(0, k, k) for k in range(2)])
    system, _ = jax.eval_shape(spec.build, building.first(keys))
    trials = spec.build_curriculum(system)
    every = [curriculum_of(spec, trials, jax.tree.map(lambda leaf, k=k: leaf[k], keys)) for k in range(2)]
    own = jax.tree.map(lambda *leaves: np.stack(leaves), *(jax.tree.map(np.asarray, one) for one in every))
    both = SideBySide.of_all(jax.tree.map(jax.numpy.asarray, replace_durations(own)), trials.durations)
    for block in (0, 17, 999):
        np.testing.assert_array_equal(both.task(block, 0.0), [one.task(block, 0.0) for one in every])
    shorter = both.with_durations(trials.durations[:5])
    np.testing.assert_array_equal(shorter.of(1).tasks, every[1].tasks[:5])
    assert not both.varies_within_blocks()


def replace_durations(own):
    from ntadyn.tasks.side_by_side import without_durations

    return without_durations(own)


@pytest.mark.slow
def test_irregular_switching_specialises_where_regular_switching_does_not(optimised):
    """Mean block length 0.2, 24 repetitions: nobody if regular, nine in ten with a hazard."""
    given = {"randomness.num_seeds": 24, "randomness.vary_teachers": True}
    regular = sweep(replaced(irregular(sequences.GammaBlocks(cv=0.0)), given), {"sequence.mean": (0.2,)})
    hazard = sweep(replaced(irregular_hazard(), given), {"sequence.rate": (0.1,)})
    assert float((regular.last_alignment > 0.9).mean()) == 0.0
    assert float((hazard.last_alignment > 0.9).mean()) >= 0.9
    assert set(IRREGULAR.scores) <= set(hazard.data_vars)
    needed = 3
    assert abs(float(hazard.censored_share.mean()) - (1 - 0.9 ** (needed - 1))) < 0.05
