import itertools

import jax
import numpy as np
import pytest

from ntadyn.interface.observables import gates, loss
from ntadyn.simulation import simulate
from ntadyn.simulation.outcome import RESULTS
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics, Gating
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.labelled import simulation_dataset
from ntadyn.specs.paths import replaced

SMALL = replaced(
    Configuration(),
    {
        "teachers.d_in": 6,
        "teachers.d_out": 2,
        "network.num_paths": 3,
        "network.initial_scale": 0.5,
        "curriculum.total_time": 1.25,
        "curriculum.block_duration": 0.5,
        "randomness.num_seeds": 3,
        "randomness.vary_teachers": True,
        "time_constants.gates": 0.5,
    },
)
ONLINE = replaced(
    SMALL,
    {"dynamics": Dynamics.ONLINE, "batch_size": 8, "max_step": 0.05, "network.gating": Gating.NEURON},
)
# Members of a batch go through other kernels than a single run, so sums may be taken in another order.
ROUNDING = 1e-12


@pytest.fixture(scope="module")
def ensembles():
    return {
        name: run_ensemble(spec, records_per_block=2) for name, spec in {"closure": SMALL, "online": ONLINE}.items()
    }


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize(("name", "configuration"), [("closure", SMALL), ("online", ONLINE)])
def test_every_member_is_the_run_of_its_keys_alone(ensembles, name, configuration):
    ensemble, curriculum = ensembles[name]
    assert ensemble.times.shape == (12,)
    assert ensemble.values["loss"].shape == (3, 12)
    assert np.unique(np.asarray(ensemble.values["loss"][:, -1])).size == 3
    keys = building.keys(configuration.randomness)
    # A batch takes one step for all, that of the first repetition.
    method = building.build_method(configuration, *building.build(configuration, building.first(keys)))
    for index in (0, 2):
        key = jax.tree.map(lambda leaf, index=index: leaf[index], keys)
        system, state = building.build(configuration, key)
        alone = simulate(system, curriculum, state, method=method, records_per_block=2)
        np.testing.assert_array_equal(alone.times, ensemble.times)
        for quantity, values in alone.values.items():
            np.testing.assert_allclose(
                ensemble.values[quantity][index], values, rtol=0, atol=ROUNDING, err_msg=quantity
            )
        assert bool((ensemble.result == RESULTS.successful)[index])


def test_a_seed_gives_the_same_numbers_again_however_many_repetitions_follow(ensembles):
    observables = {"loss": loss, "gates": gates}
    few, _ = run_ensemble(replaced(ONLINE, {"randomness.num_seeds": 2}), observables, records_per_block=2)
    many, _ = ensembles["online"]
    assert set(few.values) == {"loss", "gates"}
    for name in observables:
        np.testing.assert_allclose(few.values[name], many.values[name][:2], rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(
    ("configuration", "options", "message"),
    [
        (replaced(SMALL, {"max_step": 0.0}), {}, "max_step is 0.0; it must be positive"),
        (SMALL, {"records_per_block": -1}, "records_per_block is -1; it must be a whole number, zero or more"),
        (ONLINE, {"estimate_error": True}, "estimate_error.*population flow"),
        (replaced(SMALL, {"teachers.d_in": 2}), {}, "Raise d_in to 4"),
        (replaced(SMALL, {"curriculum.name": "C__"}), {}, "'C__'"),
    ],
)
def test_what_cannot_be_run_is_refused(configuration, options, message):
    with pytest.raises(ValueError, match=message):
        run_ensemble(configuration, **options)


def labelled(configuration, trajectory, curriculum):
    key = building.first(building.keys(configuration.randomness))
    tasks = building.build_tasks(configuration.teachers, key.teachers)
    return simulation_dataset(configuration, trajectory, curriculum, tasks)


@pytest.mark.slow
def test_diverged_trajectories_are_reported_one_by_one_and_the_rest_is_kept():
    # With two samples in a batch, data noise decides which of these trajectories survive steps this long.
    changes = {"batch_size": 2, "max_step": 0.5, "randomness.num_seeds": 12, "network.gating": Gating.PATH}
    changes |= {"time_constants.weights": 0.8, "time_constants.gates": 0.8}
    changes |= {"curriculum.total_time": 10.0, "curriculum.block_duration": 2.0}
    configuration = replaced(ONLINE, changes)
    trajectory, curriculum = run_ensemble(configuration)
    finite = np.all(np.isfinite(trajectory.values["gates"][:, -1]), axis=-1)
    assert 0 < finite.sum() < 12
    np.testing.assert_array_equal(trajectory.result == RESULTS.successful, finite)
    np.testing.assert_array_equal(trajectory.result == RESULTS.diverged, ~finite)
    dataset = labelled(configuration, trajectory, curriculum)
    np.testing.assert_array_equal(dataset.result, np.where(finite, 0, 1))
    assert "1 diverged" in dataset.result.attrs["long_name"]
    assert np.all(np.isfinite(dataset.loss.values[finite]))


def test_the_dataset_labels_what_was_recorded(ensembles):
    dataset = labelled(ONLINE, *ensembles["online"])
    sizes = {"seed": 3, "record": 12, "path": 3, "output": 2, "path_2": 3, "teacher": 2}
    assert dict(dataset.sizes) == sizes
    assert dataset.gates.dims == ("seed", "record", "path", "output")
    assert dataset.similarity.dims == ("seed", "record", "teacher", "path")
    assert dataset.student_overlaps.dims == ("seed", "record", "path", "path_2")
    assert dataset.teacher.values.tolist() == ["A", "B"]
    edges = [0, 0.5, 1, 1.25]
    np.testing.assert_allclose(dataset.attrs["edges"], edges)
    np.testing.assert_allclose(dataset.time[[0, 3, 4, 7, 8, 11]], [0, 0.5, 0.5, 1, 1, 1.25], rtol=1e-12)
    np.testing.assert_array_equal(dataset.block, np.repeat([0, 1, 2], 4))
    np.testing.assert_array_equal(dataset.task, np.repeat([0, 1, 0], 4))
    assert all(variable.attrs["long_name"] and variable.attrs["units"] for variable in dataset.data_vars.values())


@pytest.mark.parametrize(("name", "configuration"), [("closure", SMALL), ("online", ONLINE)])
def test_paths_of_the_dataset_are_in_the_order_of_their_teachers(ensembles, name, configuration):
    trajectory, curriculum = ensembles[name]
    dataset = labelled(configuration, trajectory, curriculum)
    recorded = {quantity: np.asarray(values) for quantity, values in trajectory.values.items()}
    window = dataset.similarity.isel(record=slice(4, None)).mean("record")
    for seed in range(3):
        similarity = window[seed].values
        pairs = [similarity[0, p] + similarity[1, q] for p in range(3) for q in range(3) if p != q]
        assert similarity[0, 0] + similarity[1, 1] == max(pairs)
        # Initial similarities tell the paths apart; everything else must follow the same order.
        before, after = recorded["similarity"][seed, 0, 0], dataset.similarity[seed, 0, 0].values
        order = [int(np.flatnonzero(before == value)[0]) for value in after]
        assert sorted(order) == [0, 1, 2]
        np.testing.assert_array_equal(dataset.gates[seed], recorded["gates"][seed][:, order])
        np.testing.assert_array_equal(
            dataset.student_overlaps[seed], recorded["student_overlaps"][seed][:, order][:, :, order]
        )
        np.testing.assert_array_equal(dataset.teacher_overlaps[seed], recorded["teacher_overlaps"][seed][:, order])


TWO_LAYERS = replaced(
    ONLINE, {"network.gating": Gating.LAYER, "network.num_paths": 2, "network.initial_gate_scale": 1.0}
)


def by_hand(similarity, matching):
    """cos(W*^m, units matched to teacher p), from (records, teachers, outputs, units) and (teachers, outputs)."""
    rows = [similarity[:, :, output, matching[:, output]] for output in range(matching.shape[1])]
    return np.mean(rows, axis=0)


@pytest.mark.slow
def test_units_of_a_two_layer_network_are_matched_with_rows_of_teachers():
    trajectory, curriculum = run_ensemble(TWO_LAYERS, records_per_block=2)
    rows, gates = (np.asarray(trajectory.values[name]) for name in ("row_similarity", "gates"))
    assert rows.shape == (3, 12, 2, 2, 4)
    dataset = labelled(TWO_LAYERS, trajectory, curriculum)
    assert dict(dataset.sizes) == {"seed": 3, "record": 12, "path": 2, "output": 2, "teacher": 2}
    for seed in range(3):
        window = rows[seed, 4:].mean(axis=0).reshape(4, 4)
        value = lambda units: sum(window[row, unit] for row, unit in enumerate(units))  # noqa: B023, E731
        matching = np.reshape(max(itertools.permutations(range(4)), key=value), (2, 2))
        np.testing.assert_allclose(dataset.similarity[seed], by_hand(rows[seed], matching), rtol=0, atol=1e-14)
        for teacher, output in np.ndindex(2, 2):
            own = gates[seed, :, matching[teacher, output], output]
            np.testing.assert_array_equal(dataset.gates[seed, :, teacher, output], own)


@pytest.mark.slow
def test_a_second_layer_with_too_few_units_is_labelled_too():
    configuration = replaced(TWO_LAYERS, {"network.num_paths": 1, "randomness.num_seeds": 1})
    trajectory, curriculum = run_ensemble(configuration)
    rows = np.asarray(trajectory.values["row_similarity"])[0]
    dataset = labelled(configuration, trajectory, curriculum)
    np.testing.assert_allclose(dataset.similarity[0], by_hand(rows, rows.mean(axis=0).argmax(axis=-1)), atol=1e-14)
