"""Sweeps from plan to labelled result."""

import dataclasses
import json
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from ntadyn.simulation import FixedSteps, Updates, observables, simulate
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics, TeacherKind
from ntadyn.specs.paths import replaced, to_json
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps import (
    OUTCOME,
    Axis,
    Precision,
    Streams,
    Sweep,
    Threads,
    as_axes,
    engine,
    layout,
    program,
    run_sweep,
    surroundings,
)
from ntadyn.sweeps.engine import run_tiles
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH, TOTAL_TIME, WEIGHT_TIME_CONSTANT
from ntadyn.sweeps.tiles import TiledSweep

BATCHES = replaced(
    Configuration(),
    {
        "teachers.d_in": 6,
        "teachers.d_out": 2,
        "network.initial_scale": 0.5,
        "dynamics": Dynamics.ONLINE,
        "batch_size": 4,
        "max_step": 0.05,
        TOTAL_TIME: 2.0,
        WEIGHT_TIME_CONSTANT: 1.0,
        "randomness.num_seeds": 3,
        "randomness.vary_teachers": True,
    },
)
# Small and quick to compile; the two fastest of its gates diverge at this step, the others do not.
SMALL = Sweep(
    BATCHES,
    as_axes({BLOCK_DURATION: (0.15, 0.5, 1.0), GATE_TIME_CONSTANT: (0.0005, 0.001, 0.5, 0.9)}),
    "small",
)
GOOD = slice(2, None)
TILE_STEPS = 600  # one row


@dataclasses.dataclass
class Finished:
    """A sweep, its tiles with their programs, its result, and what was reported on the way."""

    plan: Sweep
    tiled: TiledSweep
    dataset: xr.Dataset
    reports: list
    num_traces: int


def run(plan, measures=OUTCOME, tile_steps=layout.OTHER_TILE_STEPS):
    """Run a sweep in tiles of so many steps, counting how often its body is traced."""
    made, reports, traces = [], [], []
    make, integrate_batch = TiledSweep.make, program.integrate_batch

    def counted(systems, curriculum, states, method, grid, recorded, *read):
        if not isinstance(grid.start, jax.ShapeDtypeStruct):
            traces.append(tuple(sorted(recorded)))
        return integrate_batch(systems, curriculum, states, method, grid, recorded, *read)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "OTHER_TILE_STEPS", tile_steps)
        patch.setattr(program, "integrate_batch", counted)
        patch.setattr(engine.TiledSweep, "make", lambda *args: made.append(make(*args)) or made[-1])
        dataset = run_sweep(plan, measures, report=reports.append)
    return Finished(plan, made[0], dataset, reports, len(traces))


@pytest.fixture(scope="module")
def small():
    return run(SMALL, tile_steps=TILE_STEPS)


@pytest.mark.slow
def test_block_lengths_share_one_program(small):
    assert len(small.tiled.tiles) == 3
    assert len(small.tiled.programs) == 1
    # One trace for the shapes of the results, one for the program.
    assert small.num_traces == 2


def test_progress_counts_every_trajectory_once(small):
    assert len(small.reports) == len(small.tiled.tiles)
    assert sum(small.reports) == 3 * 4 * 3


def test_results_are_labelled(small):
    dataset = small.dataset
    assert dict(dataset.sizes) == {"block_duration": 3, "gate_time_constant": 4, "seed": 3, "path": 2}
    for name in ("alignment", "last_alignment", "published_alignment", "contrast", "loss", "result"):
        assert dataset[name].dims == ("block_duration", "gate_time_constant", "seed")
        assert dataset[name].attrs["long_name"]
        assert dataset[name].attrs["units"] == "1"
    assert dataset.gates.dims == ("block_duration", "gate_time_constant", "seed", "path")
    for name, axis in zip(("block_duration", "gate_time_constant"), SMALL.axes, strict=True):
        np.testing.assert_array_equal(dataset[name], axis.values)
        assert dataset[name].attrs == {"long_name": axis.label, "parameter": axis.path}
    assert dataset.result.dtype == np.int32
    assert dataset.attrs["name"] == "small"
    assert dataset.attrs["configuration"] == to_json(BATCHES)
    assert json.loads(dataset.attrs["configuration"])["dynamics"] == "ONLINE"
    assert dataset.attrs["precision"] == "float64"
    assert dataset.attrs["max_step"] == pytest.approx(0.05)
    assert dataset.attrs["compile_seconds"] > 0
    assert dataset.attrs["run_seconds"] > 0
    # Blocks of 0.15 leave one of 0.05 at the end, all others are whole numbers of steps: 40 in each case.
    assert dataset.attrs["mean_steps"] == pytest.approx(40.0)
    assert "gate_error" not in dataset


def test_diverging_trajectories_are_reported_and_the_rest_is_kept(small):
    dataset = small.dataset
    finite = np.isfinite(dataset.gates).all("path")
    np.testing.assert_array_equal(dataset.result == 0, finite)
    np.testing.assert_array_equal(dataset.result[:, :2], 1)
    np.testing.assert_array_equal(dataset.result[:, GOOD], 0)
    assert "1 diverged" in dataset.result.attrs["long_name"]
    for name in ("alignment", "last_alignment", "published_alignment", "contrast", "loss"):
        assert np.all(np.isfinite(dataset[name].values[:, GOOD]))


def alone(plan, cell, seed, method):
    """The trajectory of one cell and one repetition by `simulate`."""
    configuration = replaced(plan.configuration, plan.changes(cell))
    keys = building.keys_of(configuration.randomness.seed, plan.repetitions())
    system, state = building.build(configuration, jax.tree.map(lambda leaf: leaf[seed], keys))
    return simulate(system, building.build_curriculum(configuration.curriculum, system.tasks), state, method=method)


def assert_same_cell(dataset, trajectory, atol):
    """One cell of one repetition holds what its trajectory ends with, by formulas of their own."""
    similarity = np.asarray(trajectory.values["similarity"])
    window, last = similarity[np.asarray(trajectory.blocks) >= trajectory.blocks[-1] - 1].mean(axis=0), similarity[-1]
    pairs, others = np.trace(window) / 2, np.trace(window[:, ::-1]) / 2
    # Paths are sorted by the teacher that they are matched with.
    gates = np.asarray(trajectory.values["gates"][-1])
    expected = {
        "gates": gates[::-1] if pairs < others else gates,
        "loss": trajectory.values["loss"][-1],
        "alignment": np.trace(last[:, ::-1] if pairs < others else last) / 2,
        "last_alignment": max(np.trace(last), np.trace(last[:, ::-1])) / 2,
        "contrast": abs(pairs - others),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(dataset[name], value, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize(("row", "column", "seed"), [(0, 2, 0), (0, 3, 2), (2, 2, 1)])
def test_a_cell_is_the_simulation_of_its_parameters_alone(small, row, column, seed):
    trajectory = alone(SMALL, 4 * row + column, seed, Updates(0.05))
    # Batched kernels may take sums in another order than those of a single run.
    assert_same_cell(small.dataset.isel(block_duration=row, gate_time_constant=column, seed=seed), trajectory, 1e-12)


@pytest.mark.parametrize("compute", [Threads(1), Threads(3, (jax.devices()[0],))], ids=["one thread", "three"])
def test_results_do_not_depend_on_who_computes(small, compute):
    again = xr.concat(run_tiles(small.tiled, compute, None, None), "cell")
    for name in small.dataset.data_vars:
        whole = small.dataset[name].values.reshape(-1, *small.dataset[name].shape[2:])
        np.testing.assert_array_equal(again[name], whole[again.cell])
    assert len(small.tiled.programs) <= 2  # a device that is named has a program of its own


# --- Resuming.


def test_a_stopped_sweep_goes_on_where_it_was(small, tmp_path):
    first, second = [], []

    def stopped(tiled, tiles, done):
        for tile in tiles:
            if len(first) == 2:
                raise KeyboardInterrupt
            done(tile, tiled.compute(tile))

    before = small.tiled.computed
    with pytest.raises(KeyboardInterrupt):
        run_tiles(small.tiled, stopped, tmp_path, first.append)
    resumed = run_tiles(small.tiled, Threads(1), tmp_path, second.append)
    uninterrupted = run_tiles(small.tiled, Threads(1), None, None)
    for again, whole in zip(resumed, uninterrupted, strict=True):
        xr.testing.assert_identical(again.load(), whole[list(again)])
    # Tiles that were found count as done, each once, and not as computed.
    assert small.tiled.computed - before == 2 * sum(second)  # once in two parts, once without a folder
    assert second[:2] == first
    assert sum(second) == 3 * 4 * 3

    def idle(tiled, tiles, done):
        assert list(tiles) == []

    for again, before in zip(run_tiles(small.tiled, idle, tmp_path, None), resumed, strict=True):
        xr.testing.assert_identical(again, before)


@pytest.mark.slow
def test_a_folder_belongs_to_its_sweep(small, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "OTHER_TILE_STEPS", TILE_STEPS)
    run_tiles(small.tiled, Threads(1), tmp_path, None)
    monkeypatch.setattr(program, "integrate_batch", lambda *args: pytest.fail("compiled before the folder was refused"))
    slower = replaced(BATCHES, {WEIGHT_TIME_CONSTANT: 2.0})
    others = {
        "configuration.time_constants.weights: 1.0 there, 2.0 here": {"configuration": slower},
        "precision": {"precision": Precision.SINGLE},
        "axes.1.time_constants.gates": {"axes": (SMALL.axes[0], Axis(GATE_TIME_CONSTANT, (0.0005, 0.001, 0.5, 0.8)))},
    }
    for difference, changes in others.items():
        with pytest.raises(ValueError, match=f"(?s)belongs to another sweep.*{difference}"):
            run_sweep(dataclasses.replace(SMALL, **changes), folder=tmp_path)
    # What computes it is part of a sweep, too: tiles of other code, versions or devices are not used.
    made = surroundings.surroundings()
    for difference, name, value in (
        ("computed by.code: .* there, .*ffff.* here", "code_of", lambda module: "ffff"),
        ("computed by.jax: .* there, .*0.0.0.* here", "_versions", lambda: {"jax": "0.0.0"}),
        ("computed by.device: .*cpu.* there, .*gpu: H100.* here", "_kind", lambda device: "gpu: H100"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(surroundings, name, value)
            with pytest.raises(ValueError, match=f"(?s)belongs to another sweep.*{difference}"):
                run_sweep(SMALL, folder=tmp_path)
    before = jax.config.values["jax_default_matmul_precision"]
    jax.config.update("jax_default_matmul_precision", "highest")
    try:
        with pytest.raises(ValueError, match="settings.jax_default_matmul_precision: .*None.* there, .*highest.* here"):
            run_sweep(SMALL, folder=tmp_path)
    finally:
        jax.config.update("jax_default_matmul_precision", before)
    assert json.loads(small.dataset.attrs["computed_by"]) == made
    more = OUTCOME.and_also(scores={"loss": largest_norm})
    with pytest.raises(ValueError, match="(?s)measures.scores.loss: .*scores.loss.* there, .*largest_norm.* here"):
        run_sweep(SMALL, more, folder=tmp_path)


def test_tiles_cut_in_another_way_are_not_mixed(small, tmp_path):
    identity = small.tiled.identity()
    swapped = dataclasses.replace(small.tiled, tiles=small.tiled.tiles[::-1])
    assert {name for name, value in swapped.identity().items() if value != identity[name]} == {
        "cells and steps of tiles"
    }
    assert json.loads(json.dumps(identity)) == identity


# --- Lanes: steps, checks, streams.

TINY = replaced(
    figure_5_published(),
    {"teachers.d_in": 6, "teachers.d_out": 2, GATE_TIME_CONSTANT: 0.05, TOTAL_TIME: 2.0, "network.initial_scale": 0.3},
)
STEPS = (0.005, 0.01, 0.02, 0.04)
DOUBT = Sweep(
    TINY,
    as_axes({BLOCK_DURATION: (0.4, 0.6, 1.0), "max_step": STEPS}),
    streams=Streams(teachers=2, initial=3),
    check=0.8,
)


@pytest.fixture(scope="module")
def doubt():
    return run(DOUBT, tile_steps=3500)


@pytest.mark.exhaustive
def test_checks_are_taken_from_a_share_of_the_cells(doubt):
    sampled = np.isfinite(doubt.dataset.gate_error)
    for name in ("alignment_error", "perturbation"):
        np.testing.assert_array_equal(np.isfinite(doubt.dataset[name]), sampled)
    # All repetitions of a cell, or none.
    by_cell = sampled.values.reshape(12, 6)
    np.testing.assert_array_equal(by_cell.all(axis=1), by_cell.any(axis=1))
    assert 0 < by_cell[:, 0].sum() < 12
    assert "halved" in doubt.dataset.gate_error.attrs["long_name"]
    assert len(doubt.tiled.programs) == 2


@pytest.mark.exhaustive
def test_the_error_that_is_told_is_that_of_a_second_order_step(doubt):
    error = doubt.dataset.gate_error
    ratios = (error.values[:, 1:] / error.values[:, :-1]).ravel()
    ratios = ratios[np.isfinite(ratios)]
    assert len(ratios) > 12
    # Events inside steps scatter single ratios.
    assert np.median(ratios) == pytest.approx(4.0, abs=0.4)


@pytest.mark.slow
def test_the_error_is_the_change_of_gates_under_halved_steps(doubt):
    # What the sweep itself finds at half the step: gates at the end change by no more than the largest recorded change.
    gates, error = doubt.dataset.gates.values, doubt.dataset.gate_error.values
    change = np.abs(gates[:, 1:] - gates[:, :-1]).max(axis=-1)
    sampled = np.isfinite(error[:, 1:])
    assert np.all(change[sampled] <= error[:, 1:][sampled] + 1e-12)
    assert np.any(change[sampled] > 0.5 * error[:, 1:][sampled])


@pytest.mark.slow
def test_a_nudge_is_told_by_how_far_it_moves_the_gates(doubt):
    moved = doubt.dataset.perturbation.values
    moved = moved[np.isfinite(moved)]
    # A start that is off by 1e-6 of 0.5 shows up as at least a good part of that.
    assert np.all(moved > 1e-8)
    assert np.median(moved) < 1e-4


@pytest.mark.slow
def test_streams_are_crossed_and_named(doubt):
    dataset = doubt.dataset
    np.testing.assert_array_equal(dataset.teachers_seed, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(dataset.initial_seed, [0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(dataset.data_seed, 0)
    keys = building.keys_of(0, DOUBT.repetitions())
    teachers = np.asarray(jax.vmap(lambda key: building.build_tasks(TINY.teachers, key).teachers)(keys.teachers))
    np.testing.assert_array_equal(teachers[0], teachers[2])
    assert np.abs(teachers[0] - teachers[3]).max() > 0.1
    assert len(np.unique(dataset.loss.isel(block_duration=0, max_step=0))) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("row", "column", "seed"), [(0, 0, 0), (2, 0, 4)])
def test_lanes_follow_the_simulation_of_their_parameters(doubt, row, column, seed):
    trajectory = alone(DOUBT, 4 * row + column, seed, FixedSteps(max_step=0.0025))
    cell = doubt.dataset.isel(block_duration=row, max_step=column, seed=seed)
    # Both are of second order, in different steps.
    assert_same_cell(cell, trajectory, atol=2e-4)


@pytest.mark.slow
def test_single_precision_runs_the_same_repetitions(doubt):
    plan = dataclasses.replace(DOUBT, precision=Precision.SINGLE, check=0.0)
    single = run(plan).dataset
    assert single.attrs["precision"] == "float32"
    assert {single[name].dtype for name in ("gates", "loss", "alignment")} == {np.dtype("float32")}
    # Hundreds of steps of rounding, on trajectories that sit on no separatrix.
    for name in ("gates", "loss", "alignment", "contrast"):
        np.testing.assert_allclose(single[name], doubt.dataset[name], rtol=0, atol=1e-4)


# --- Any axes, any measures.


def student_norms(system, state, task):
    """|W^p|."""
    return jnp.sqrt(jnp.diagonal(observables.student_overlaps(system, state, task)))


def largest_norm(record):
    """Norm of the largest path at the end. And nothing else."""
    return jnp.max(record.values["norms"][-1])


def norms(record):
    return record.values["norms"][-1]


ANY = Sweep(
    replaced(TINY, {"teachers.kind": TeacherKind.ROW_OVERLAPPING, "randomness.num_seeds": 2}),
    as_axes(
        {
            "network.num_paths": (2, 3),
            (STRENGTH, "teachers.overlap", TOTAL_TIME): ((0.1, 0.0), (0.0, 0.6), (2.0, 1.0)),
        }
    ),
    "any",
)


@pytest.fixture(scope="module")
def anything():
    further = OUTCOME.and_also({"norms": student_norms}, {"largest_norm": largest_norm, "norms": norms})
    return run(ANY, further)


@pytest.mark.slow
def test_parameters_of_all_kinds_are_axes(anything):
    dataset = anything.dataset
    zipped = "strength_and_overlap_and_total_time"
    assert dict(dataset.sizes) == {"network_num_paths": 2, zipped: 2, "seed": 2, "path": 3, "norms_0": 3}
    assert dataset.network_num_paths.dtype.kind == "i"
    assert dataset.strength.dims == dataset.overlap.dims == dataset.total_time.dims == (zipped,)
    np.testing.assert_array_equal(dataset.overlap, [0.0, 0.6])
    np.testing.assert_array_equal(dataset.total_time, [2.0, 1.0])
    # One program for each number of paths.
    assert len(anything.tiled.programs) == 2
    assert np.all(dataset.result == 0)


@pytest.mark.slow
def test_two_paths_have_two_gates(anything):
    gates = np.isfinite(anything.dataset.gates.values)
    assert np.all(gates[1])
    np.testing.assert_array_equal(gates[0], np.broadcast_to([True, True, False], gates[0].shape))


@pytest.mark.slow
def test_scores_and_observables_are_functions(anything):
    dataset = anything.dataset
    assert dataset.largest_norm.attrs["long_name"] == "Norm of the largest path at the end. And nothing else"
    assert dataset.norms.attrs["long_name"] == "norms"
    np.testing.assert_array_equal(dataset.largest_norm, dataset.norms.max("norms_0"))
    assert np.all(dataset.largest_norm > 0)


@pytest.mark.slow
@pytest.mark.parametrize("cell", [0, 1])
def test_zipped_parameters_reach_system_and_teachers(anything, cell):
    trajectory = alone(ANY, cell, 1, FixedSteps(max_step=0.0025))
    found = anything.dataset.isel(network_num_paths=0, strength_and_overlap_and_total_time=cell, seed=1, path=[0, 1])
    # Steps of lanes at the default length.
    assert_same_cell(found, trajectory, atol=2e-3)


def test_the_short_form_is_the_long_one(monkeypatch):
    asked = []

    def remembered(*args, **kwargs):
        asked.append((args, kwargs))
        return xr.Dataset()

    monkeypatch.setattr(engine, "run_sweep", remembered)
    engine.sweep(TINY, {STRENGTH: np.array([0.1, 0.2])}, 4)
    engine.sweep(TINY, {STRENGTH: (0.1, 0.2)}, Streams(2, 3), folder=None)
    (four, _), _ = asked[0]
    (crossed, _), _ = asked[1]
    assert len(four.repetitions()) == 4
    assert four.axes == crossed.axes == (Axis(STRENGTH, (0.1, 0.2)),)
    assert crossed.streams == Streams(2, 3)


# --- What is refused.


@pytest.fixture
def nothing_runs(monkeypatch):
    monkeypatch.setattr(program, "integrate_batch", lambda *args: pytest.fail("compiled before the input was refused"))


def changed(axes=None, **changes):
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    return Sweep(replaced(TINY, paths), as_axes({GATE_TIME_CONSTANT: (0.1, 0.2)} if axes is None else axes))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (changed({"time_constants.gate": (0.1, 0.2)}), "no parameter 'time_constants.gate'"),
        (changed({GATE_TIME_CONSTANT: (0.2, 0.1)}), "finite and ascending"),
        (changed({GATE_TIME_CONSTANT: (0.0, 0.1)}), "time_constants.gates is 0.0; it must be positive"),
        (changed({GATE_TIME_CONSTANT: (-1.0, 0.1)}), "time_constants.gates is -1.0; it must be positive"),
        (changed({STRENGTH: (-0.1, 0.1)}), "penalties.strength is -0.1; it must not be negative"),
        (changed({BLOCK_DURATION: (0.0, 1.0)}), "curriculum.block_duration is 0.0; it must be positive"),
        (changed({"max_step": (-1.0, 1.0)}), "max_step is -1.0; it must be positive"),
        (changed({"network.num_paths": (1, 2)}), "2 tasks.*1 paths. Use more paths"),
        (changed({"curriculum.name": ("A_B__", "nothing")}), "'nothing'; known are A_B__"),
        (changed({"teachers.d_in": (6, 3)}), "Raise d_in to 4"),
        (changed(teachers__d_in=3), "Raise d_in to 4"),
        (changed(network__num_paths=1), "2 tasks.*1 paths. Use more paths"),
        (changed(network__initial_scale=float("nan")), "initial_scale is nan; it must be finite"),
        (changed(max_step=-1.0), "max_step is -1.0; it must be positive"),
        (changed(max_step=1e-15), "max_step is 1e-15, .*take longer steps"),
        (changed(curriculum__name="nothing"), "'nothing'; known are A_B__"),
        (changed(randomness__num_seeds=0), "num_seeds is 0"),
        (changed(randomness__seed=-1), "seed is -1; it must be a whole number from 0"),
        (changed(penalties__column_l2=1.0), "column_l2 acts on the weights"),
        (dataclasses.replace(SMALL, check=0.1), "population flow"),
        (dataclasses.replace(SMALL, axes=(Axis(STRENGTH, (0.1,), "loss"),)), "must differ from each other"),
        (dataclasses.replace(SMALL, axes=(Axis(STRENGTH, (0.1,), "gate_error"),)), "must differ from each other"),
    ],
    ids=lambda item: "" if isinstance(item, Sweep) else item[:30],
)
@pytest.mark.usefixtures("nothing_runs")
def test_bad_input_is_refused_before_anything_is_compiled(plan, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        run_sweep(plan)


@pytest.mark.usefixtures("nothing_runs")
def test_a_sweep_needs_a_thread():
    with pytest.raises(ValueError, match="per_device is 0; at least one"):
        run_sweep(changed(), compute=Threads(0))


# --- Threads.


class Stub(TiledSweep):
    """Tiles that say who computed them, or fail."""

    def __init__(self, failing=()):
        self.failing, self.started, self.lock = failing, [], threading.Lock()

    def compute(self, number, device=None):
        with self.lock:
            self.started.append((number, device, threading.get_ident()))
        if number in self.failing:
            raise RuntimeError(f"tile {number} is lost")
        return xr.Dataset(attrs={"tile": number})


def test_threads_hand_over_in_the_thread_that_calls():
    stub, handed = Stub(), []
    Threads(2, ("one", "other"))(stub, range(20), lambda tile, data: handed.append((tile, threading.get_ident())))
    assert sorted(tile for tile, _ in handed) == list(range(20))
    assert {thread for _, thread in handed} == {threading.get_ident()}
    assert {device for _, device, _ in stub.started} == {"one", "other"}
    assert threading.get_ident() not in {thread for _, _, thread in stub.started}


def test_threads_ask_for_no_more_tiles_than_they_have_room_for():
    stub, asked, done = Stub(), [], []

    def tiles():
        for tile in range(10):
            asked.append(tile)
            yield tile

    Threads(2, ("one",))(stub, tiles(), lambda tile, data: done.append(len(asked) - len(done)))
    assert max(done) <= 3


def test_a_tile_that_fails_stops_the_sweep():
    stub, done = Stub(failing=(3,)), []
    with pytest.raises(RuntimeError, match="tile 3 is lost"):
        Threads(1, ("one",))(stub, range(20), lambda tile, data: done.append(tile))
    assert done == [0, 1, 2]
