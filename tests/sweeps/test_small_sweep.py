"""A small sweep of an online rule, two of whose cells diverge: labels, one program, single cells, bad input."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from ntadyn import building, simulation
from ntadyn.configuration import Configuration, Dynamics, replaced, to_json
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.solvers import Descent
from ntadyn.sweeps import Axis, Streams, Sweep, Threads, Zipped, as_axes, run_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT
from ntadyn.sweeps.scores import OUTCOME
from ntadyn.sweeps.tiles import TiledSweep

# Small and quick to compile; the two fastest of its gates diverge at this step, the others do not.
SMALL = Sweep(
    replaced(
        Configuration(),
        {
            "teachers.d_in": 6,
            "teachers.d_out": 2,
            "network.initial_scale": 0.5,
            "dynamics": Dynamics.ONLINE,
            "batch_size": 4,
            "max_step": 0.05,
            "curriculum.total_time": 2.0,
            "time_constants.weights": 1.0,
            "randomness.num_seeds": 3,
            "randomness.vary_teachers": True,
        },
    ),
    (Axis(BLOCK_DURATION, (0.15, 0.5, 1.0)), Axis(GATE_TIME_CONSTANT, (0.0005, 0.001, 0.5, 0.9))),
    "small",
)
GOOD = slice(2, None)


@pytest.fixture(scope="module")
def small():
    reports = []
    return run_sweep(SMALL, compute=Threads(3), report=reports.append), reports


def test_cells_of_all_block_lengths_share_one_program():
    tiled = TiledSweep.make(SMALL, OUTCOME)
    assert len({repr(tile.structure) for tile in tiled.tiles}) == 1
    assert len({schedule.grid.num_steps.shape for tile in tiled.tiles for schedule in tile.schedules}) == 1
    for number in range(len(tiled.tiles)):
        tiled.compute(number)
    assert len(tiled.programs) == 1


def test_progress_counts_every_trajectory_once(small):
    _, reports = small
    assert sum(reports) == 36


def test_results_are_labelled(small):
    dataset, _ = small
    assert dict(dataset.sizes) == {"block_duration": 3, "gate_time_constant": 4, "seed": 3, "path": 2}
    for name in ("alignment", "published_alignment", "contrast", "loss", "result"):
        assert dataset[name].dims == ("block_duration", "gate_time_constant", "seed")
        assert dataset[name].attrs["long_name"]
        assert dataset[name].attrs["units"] == "1"
    assert dataset.gates.dims == ("block_duration", "gate_time_constant", "seed", "path")
    np.testing.assert_array_equal(dataset.block_duration, SMALL.axes[0].values)
    np.testing.assert_array_equal(dataset.gate_time_constant, SMALL.axes[1].values)
    assert dataset.gate_time_constant.attrs == {"long_name": "gate time constant", "parameter": GATE_TIME_CONSTANT}
    assert dataset.attrs["name"] == "small"
    assert dataset.attrs["configuration"] == to_json(SMALL.configuration)
    assert json.loads(dataset.attrs["configuration"])["dynamics"] == "ONLINE"
    assert dataset.attrs["max_step"] == pytest.approx(0.05)
    assert dataset.attrs["compile_seconds"] > 0
    assert dataset.attrs["run_seconds"] > 0
    assert "gate_error" not in dataset


def test_diverging_trajectories_are_reported_and_the_rest_is_kept(small):
    dataset, _ = small
    finite = np.isfinite(dataset.gates).all("path")
    np.testing.assert_array_equal(dataset.result == 0, finite)
    np.testing.assert_array_equal(dataset.result[:, :2], 1)
    np.testing.assert_array_equal(dataset.result[:, GOOD], 0)
    assert "1 diverged" in dataset.result.attrs["long_name"]
    for name in ("alignment", "published_alignment", "contrast", "loss"):
        assert np.all(np.isfinite(dataset[name].values[:, GOOD]))


def alone(plan, row, column, seed, method):
    configuration = replaced(plan.configuration, plan.changes(row * len(plan.axes[1]) + column))
    key = jax.tree.map(lambda leaf: leaf[seed], building.keys(configuration.randomness))
    system, state = building.build(configuration, key)
    return simulate(system, building.build_curriculum(configuration.curriculum, system.tasks), state, method=method)


def assert_same_cell(dataset, row, column, seed, trajectory, atol):
    cell = dataset.isel(block_duration=row, gate_time_constant=column, seed=seed)
    np.testing.assert_allclose(cell.gates, trajectory.values["gates"][-1], rtol=0, atol=atol)
    np.testing.assert_allclose(cell.loss, trajectory.values["loss"][-1], rtol=0, atol=atol)
    similarity = np.asarray(trajectory.values["similarity"])
    window = similarity[np.asarray(trajectory.blocks) >= trajectory.blocks[-1] - 1].mean(axis=0)
    swapped = np.trace(window) < np.trace(window[:, ::-1])
    matched = similarity[-1][:, ::-1] if swapped else similarity[-1]
    np.testing.assert_allclose(cell.alignment, np.trace(matched) / 2, rtol=0, atol=atol)
    pairs, others = np.trace(window) / 2, np.trace(window[:, ::-1]) / 2
    np.testing.assert_allclose(cell.contrast, abs(pairs - others), rtol=0, atol=atol)


@pytest.mark.parametrize(("row", "column", "seed"), [(0, 2, 0), (0, 3, 2), (2, 2, 1)])
def test_a_cell_is_the_simulation_of_its_parameters_alone(small, row, column, seed):
    dataset, _ = small
    trajectory = alone(SMALL, row, column, seed, FixedSteps(Descent(), 0.05))
    # Batched kernels may take sums in another order than those of a single run.
    assert_same_cell(dataset, row, column, seed, trajectory, atol=1e-12)


def test_results_do_not_depend_on_the_number_of_workers(small):
    dataset, _ = small
    again = run_sweep(SMALL, compute=Threads(1))
    for name in dataset.data_vars:
        np.testing.assert_array_equal(again[name], dataset[name])


def test_a_folder_is_resumed_to_the_same_bits_and_refuses_another_sweep(small, tmp_path):
    dataset, _ = small
    first = run_sweep(SMALL, folder=tmp_path / "tiles")
    shard = next((tmp_path / "tiles").glob("tile-*.nc"))
    shard.write_bytes(shard.read_bytes()[:-7])
    with pytest.warns(UserWarning, match="does not match the checksum"):
        again = run_sweep(SMALL, folder=tmp_path / "tiles")
    for name in dataset.data_vars:
        np.testing.assert_array_equal(first[name], dataset[name])
        np.testing.assert_array_equal(again[name], dataset[name])
    other = configured(batch_size=5)
    with pytest.raises(ValueError, match=r"configuration.batch_size: 4 there, 5 here"):
        run_sweep(other, folder=tmp_path / "tiles")


def test_zipped_and_crossed_repetitions_are_labelled():
    base = replaced(Configuration(), {"curriculum.total_time": 1.0, "teachers.d_in": 6, "teachers.d_out": 2})
    zipped = {
        "network.num_paths": (2, 3),
        ("time_constants.gates", "penalties.strength"): ((0.1, 0.2, 0.3), (0.1, 0.1, 0.05)),
    }
    plan = Sweep(base, as_axes(zipped), streams=Streams(teachers=2, initial=2))
    found = run_sweep(plan)
    assert dict(found.sizes) == {"network_num_paths": 2, "gate_time_constant_and_strength": 3, "seed": 4, "path": 3}
    np.testing.assert_array_equal(found.gate_time_constant, (0.1, 0.2, 0.3))
    assert found.strength.dims == ("gate_time_constant_and_strength",)
    np.testing.assert_array_equal(found.teachers_seed, (0, 0, 1, 1))
    np.testing.assert_array_equal(found.initial_seed, (0, 1, 0, 1))
    # Two paths have no third gate; where there are three, they all have moved from the same start.
    assert np.all(np.isnan(found.gates.values[0, ..., 2]))
    assert np.all(np.isfinite(found.gates.values[1]))
    assert len(np.unique(found.loss.values[1, 0])) == 4


@pytest.fixture
def nothing_runs(monkeypatch):
    monkeypatch.setattr(simulation, "run", lambda *args: pytest.fail("compiled before the input was refused"))


def changed(**changes):
    return dataclasses.replace(SMALL, **changes)


def columns(path, values=(0.1, 0.2), name="column"):
    return changed(axes=(SMALL.axes[0], Axis(path, values, name)))


def rows(values):
    return changed(axes=(Axis(BLOCK_DURATION, values), SMALL.axes[1]))


def configured(**changes):
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    return changed(configuration=replaced(SMALL.configuration, paths))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (changed(axes=()), "at least one axis"),
        (columns("curriculum.block_duration"), "can be changed by one axis only"),
        (columns("time_constants.gate"), "no parameter 'time_constants.gate'"),
        (columns("randomness.seed"), "repetitions are one already"),
        (columns("time_constants.gates", name="seed"), "must differ from each other"),
        (columns("time_constants.gates", ()), "axis 'column' has no values"),
        (columns("time_constants.gates", (0.2, 0.1)), "finite and ascending"),
        (columns("time_constants.gates", (0.1, 0.1)), "finite and ascending"),
        (columns("time_constants.gates", (0.1, float("nan"))), "finite and ascending"),
        (columns("time_constants.gates", (0.1, float("inf"))), "finite and ascending"),
        (columns("time_constants.gates", (0.0, 0.1)), "'gates' is 0.0; it must be positive"),
        (columns("penalties.strength", (-0.1, 0.1)), "strength must be finite and >= 0"),
        (
            changed(axes=(Zipped("both", (Axis(BLOCK_DURATION, (1.0,)), Axis(GATE_TIME_CONSTANT, (0.1, 0.2)))),)),
            "give all the same",
        ),
        (rows((0.0, 1.0)), "block duration 0.0"),
        (rows(()), "axis 'block_duration' has no values"),
        (configured(teachers__d_in=3), "Raise d_in to 4"),
        (configured(network__num_paths=1), "2 tasks.*1 paths. Use more paths"),
        (configured(network__initial_scale=float("nan")), "initial_scale is nan; all numbers"),
        (configured(max_step=-1.0), "max_step is -1.0; it must be positive"),
        (configured(curriculum__name="nothing"), "'nothing'; known are A_B__"),
        (configured(randomness__num_seeds=0), "num_seeds is 0"),
        (changed(check=0.5), "population flow"),
        (changed(check=1.5), "between 0 and 1"),
        (changed(streams=Streams(0, 1, 1)), "at least 1"),
    ],
)
@pytest.mark.usefixtures("nothing_runs")
def test_bad_input_is_refused_before_anything_is_compiled(plan, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        run_sweep(plan)


def test_a_sweep_needs_a_worker():
    with pytest.raises(ValueError, match="per_device is 0; at least one"):
        run_sweep(SMALL, compute=Threads(0))
