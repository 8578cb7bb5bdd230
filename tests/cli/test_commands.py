import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

import ntadyn
from ntadyn.cli import main
from ntadyn.results.storage import read_dataset
from ntadyn.simulation import trajectory
from ntadyn.sweeps import engine, tiles

TINY = ["--teachers.d-in", "6", "--teachers.d-out", "2", "--curriculum.total-time", "2"]
# Batches are the quickest dynamics to compile.
QUICK = [*TINY, "--dynamics", "ONLINE", "--batch-size", "4", "--max-step", "0.05"]


def in_new_process(*arguments):
    environment = os.environ | {
        "PYTHONPATH": str(Path(ntadyn.__file__).parents[1]),
        "MPLBACKEND": "Agg",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    command = [sys.executable, "-m", "ntadyn", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def in_this_process(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def file_names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulate") / "new" / "folder"
    done = in_new_process("simulate", *TINY, "--seeds", 2, "--records-per-block", 3, "--out", folder)
    return folder, done


def test_simulate_writes_a_labelled_file_and_a_figure(simulated):
    folder, done = simulated
    assert done.returncode == 0, done.stderr
    assert file_names(folder) == ["simulation.nc", "simulation.pdf", "simulation.png"]
    dataset = read_dataset(folder / "simulation.nc")
    assert dict(dataset.sizes) == {"seed": 2, "record": 10, "path": 2, "path_2": 2, "teacher": 2}
    np.testing.assert_allclose(dataset.time[[0, 4, 5, 9]], [0, 1, 1, 2])
    assert dataset.loss.dtype == np.float64
    assert np.all(dataset.result == 0)
    for name in ("loss", "gates", "similarity", "student_overlaps", "teacher_overlaps"):
        assert np.all(np.isfinite(dataset[name]))
    configuration = json.loads(dataset.attrs["configuration"])
    assert configuration["teachers"]["d_in"] == 6
    assert configuration["time_constants"] == {"gates": 0.03, "weights": 1.3}  # of the default preset
    assert configuration["randomness"]["num_seeds"] == 2
    assert dataset.attrs["ntadyn_version"] == ntadyn.__version__
    assert "simulate" in dataset.attrs["command"]
    # Two blocks of two tasks: each is met once, which is said on both occasions.
    assert "fewer than 2 blocks (task 0 in 1, task 1 in 1)" in dataset.attrs["warnings"]
    assert f"warning: {dataset.attrs['warnings']}\n" in done.stderr
    assert done.stderr.startswith("simulate: 2 repetitions of 2 blocks (order parameters), into ")
    assert "100%" in done.stderr
    # What is printed is what was written.
    loss = float(dataset.loss.isel(record=-1).mean())
    assert "2 repetitions, 2 blocks, 0 failed" in done.stdout
    assert f"loss at the end            {loss:.3g}" in done.stdout
    assert f"wrote {folder / 'simulation.png'}" in done.stdout


@pytest.mark.slow
def test_overrides_start_from_the_named_preset_and_change_the_result(tmp_path):
    results = {}
    for name, arguments in {
        "preset": [],
        "slower": ["--time-constants.gates", "0.6"],
    }.items():
        code = in_this_process(
            "simulate", "--preset", "figure-2-forgetful", *QUICK, "--seeds", 1, *arguments, "--out", tmp_path / name
        )
        assert code == 0
        results[name] = read_dataset(tmp_path / name / "simulation.nc")
    configurations = {name: json.loads(dataset.attrs["configuration"]) for name, dataset in results.items()}
    assert configurations["preset"]["time_constants"] == {"gates": 1.3, "weights": 1.3}
    assert configurations["preset"]["penalties"]["unit_l1"] is None
    assert configurations["slower"]["time_constants"] == {"gates": 0.6, "weights": 1.3}
    final = {name: dataset.gates.isel(record=-1).values for name, dataset in results.items()}
    assert np.all(final["preset"] != final["slower"])


MAP = ["--gate-time-constant", "0.3", "0.9", "--strength", "0", "0.2", "--fast-gates", "0.3"]


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phase-diagram")
    arguments = ["--size", 3, 2, "--seeds", 2, "--block-duration", 0.5, 1.0, "--out", folder]
    return folder, in_new_process("phase-diagram", "--preset", "released", *QUICK, *MAP, *arguments)


def test_phase_diagram_writes_labelled_maps_and_a_figure(mapped):
    folder, done = mapped
    assert done.returncode == 0, done.stderr
    assert file_names(folder) == [
        *("gate_speed.nc", "gate_speed.tiles", "penalty.nc", "penalty.tiles", "phase-diagram.pdf", "phase-diagram.png"),
    ]
    speed, penalty = (read_dataset(folder / f"{name}.nc") for name in ("gate_speed", "penalty"))
    assert dict(speed.sizes) == {"block_duration": 2, "gate_time_constant": 3, "seed": 2, "path": 2}
    assert dict(penalty.sizes) == {"block_duration": 2, "strength": 3, "seed": 2, "path": 2}
    np.testing.assert_allclose(speed.block_duration, [0.5, 1.0])
    np.testing.assert_allclose(speed.gate_time_constant, [0.3, 0.6, 0.9])
    np.testing.assert_allclose(penalty.strength, [0.0, 0.1, 0.2])
    assert json.loads(speed.attrs["configuration"])["time_constants"]["weights"] == 0.1  # of the preset
    assert json.loads(penalty.attrs["configuration"])["time_constants"]["gates"] == 0.3
    for dataset in (speed, penalty):
        assert np.all(dataset.result == 0)
        assert np.all(np.isfinite(dataset.alignment))
        assert dataset.attrs["ntadyn_version"] == ntadyn.__version__
    assert np.unique(speed.alignment).size == speed.alignment.size


def test_phase_diagram_shows_its_progress_to_the_end(mapped):
    _, done = mapped
    for name in ("gate_speed", "penalty"):
        assert f"{name}: 100%" in done.stderr
        assert f"{name}: 12 trajectories in 6 of 6 cells, 0 failed; step at most" in done.stdout
    assert "12.0/12.0" in done.stderr


@pytest.mark.slow
def test_failed_trajectories_of_a_simulation_are_named_and_the_exit_code_is_1(tmp_path, capsys):
    arguments = [*QUICK, "--seeds", "2", "--time-constants.gates", "0.0005", "--out", tmp_path]
    assert in_this_process("simulate", *arguments) == 1
    printed = capsys.readouterr().out
    assert "2 failed" in printed
    assert "repetition 0 diverged" in printed
    assert "nan" not in printed
    assert file_names(tmp_path) == ["simulation.nc", "simulation.pdf", "simulation.png"]
    assert read_dataset(tmp_path / "simulation.nc").result.values.tolist() == [1, 1]


@pytest.mark.slow
def test_failed_trajectories_of_a_map_are_counted_and_the_exit_code_is_1(mapped, tmp_path, capsys, monkeypatch):
    def with_failures(tiled, compute, folder, report):
        name = tiled.sweep.name
        dataset = read_dataset(mapped[0] / f"{name}.nc")
        if name == "gate_speed":
            dataset["result"][0, 1] = 1
            dataset["alignment"][0, 1] = np.nan
        report(12)
        return dataset

    laid_out = Mock(side_effect=tiles.lay_out_sweep)
    monkeypatch.setattr(tiles, "lay_out_sweep", laid_out)
    monkeypatch.setattr("ntadyn.sweeps.engine.run_tiled", with_failures)
    arguments = ["--size", "3", "2", "--seeds", "2", "--out", tmp_path]
    assert in_this_process("phase-diagram", *QUICK, *MAP, *arguments) == 1
    printed = capsys.readouterr().out
    assert "gate_speed: 12 trajectories in 6 of 6 cells, 2 failed" in printed
    assert "penalty: 12 trajectories in 6 of 6 cells, 0 failed" in printed
    assert laid_out.call_count == 2  # once per map: what is checked first is what is run
    dataset = read_dataset(tmp_path / "gate_speed.nc")
    np.testing.assert_array_equal(dataset.result[0], [[0, 0], [1, 1], [0, 0]])
    assert np.all(np.isfinite(dataset.alignment[1]))
    assert "phase-diagram.png" in file_names(tmp_path)


def test_a_folder_of_another_map_is_refused_before_the_first_one_is_replaced(mapped, monkeypatch, capsys):
    folder, _ = mapped
    before = (folder / "gate_speed.nc").read_bytes()
    monkeypatch.setattr(engine, "run_tiles", lambda *args: pytest.fail("computed before the folder was refused"))
    changed = [*MAP[:4], "0", "0.3", *MAP[6:]]  # of the second map only
    arguments = ["--size", 3, 2, "--seeds", 2, "--block-duration", 0.5, 1.0, "--out", folder]
    assert in_this_process("phase-diagram", "--preset", "released", *QUICK, *changed, *arguments) == 2
    assert "penalty.tiles' belongs to another sweep" in capsys.readouterr().err
    assert (folder / "gate_speed.nc").read_bytes() == before


@pytest.mark.representatives(2)
@pytest.mark.parametrize("refine", [[], ["--refine", "2"]], ids=["whole", "refined"])
@pytest.mark.parametrize("stranger", ["penalty.tiles/thesis.tex", "penalty.tiles"])
def test_a_refusal_of_the_second_map_leaves_nothing_of_the_first(refine, stranger, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(engine, "run_tiles", lambda *args: pytest.fail("computed before the folder was refused"))
    path = tmp_path / stranger
    path.parent.mkdir(exist_ok=True)
    path.write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    arguments = ["--size", "4", "4", "--seeds", "2", *refine, "--out", tmp_path]
    assert in_this_process("phase-diagram", *QUICK, *MAP, *arguments) == 2
    assert "penalty.tiles" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


# Arguments -> what the message must say: what was given, and what is allowed or what to do.
BAD_VALUES = [
    (["--teachers.d-in", "19"], ["2 * 10 = 20 rows for d_in = 19", "Raise d_in to 20"]),
    (["--time-constants.gates", "-1"], ["gates is -1.0", "must be positive"]),
    (["--time-constants.weights", "0"], ["weights is 0.0", "must be positive"]),
    (["--time-constants.weights", "nan"], ["weights", "is nan", "finite"]),
    (["--curriculum.name", "A_Z__"], ["'A_Z__'", "known are A_B__", "Choose one"]),
    (["--curriculum.total-time", "inf"], ["inf", "finite"]),
    (["--network.initial-gate", "nan"], ["gate", "finite"]),
    (["--network.num-paths", "0"], ["num_paths is 0", "whole number from 1"]),
    (["--penalties.strength", "-1"], ["strength is -1.0", "must not be negative"]),
    (["--penalties.column-l2", "1"], ["column_l2", "gradient_flow"]),
    (["--dynamics", "ONLINE", "--batch-size", "0"], ["batch_size is 0", "from 1"]),
    (["--max-step", "0"], ["max_step is 0.0", "must be positive"]),
    (["--max-step", "1e-15"], ["max_step", "1e-15", "the limit is 200,000,000"]),
    (["--seeds", "0"], ["num_seeds is 0", "from 1"]),
    (["--seed", "-1"], ["seed is -1", "from 0 to"]),
    (["--out", "{file}"], ["cannot write", "File exists", "Choose a folder"]),
    (["--out", "{file}/below"], ["cannot write", "Not a directory", "Choose a folder"]),
]
BAD_ONLY_FOR = {
    "simulate": [
        (["--curriculum.block-duration", "0"], ["block_duration is 0.0", "must be positive"]),
        (["--records-per-block", "-1"], ["records_per_block is -1", "zero or more"]),
        (["--dynamics", "ONLINE", "--estimate-error"], ["estimate_error", "population flow"]),
    ],
    "phase-diagram": [
        (["--curriculum.block-duration", "0.3"], ["would have no effect", "--block-duration LOW HIGH"]),
        (["--time-constants.gates", "0.3"], ["would have no effect", "--gate-time-constant LOW HIGH"]),
        (["--size", "0", "0"], ["an axis of 0 values", "one value or more"]),
        (["--size", "4", "0"], ["an axis of 0 values", "one value or more"]),
        (["--strength", "0.2", "0.1"], ["from 0.2 to 0.1", "ascending range"]),
        (["--strength", "-1", "0"], ["penalties.strength is -1.0", "must not be negative"]),
        (["--block-duration", "0", "1"], ["block_duration is 0.0", "positive"]),
        (["--gate-time-constant", "0", "1"], ["time_constants.gates is 0.0", "positive"]),
        (["--fast-gates", "-1"], ["gates is -1.0", "positive"]),
        (["--workers", "0"], ["workers is 0", "from 1"]),
        (["--network.num-paths", "1"], ["2 tasks", "1 paths", "Use more paths"]),
    ],
}
BAD = [(command, *case) for command, more in BAD_ONLY_FOR.items() for case in [*BAD_VALUES, *more]]
# The maps take gate time constants from --fast-gates and from an axis, so this one is refused whatever its value.
BAD = [case for case in BAD if case[:2] != ("phase-diagram", ["--time-constants.gates", "-1"])]


@pytest.mark.parametrize(("command", "arguments", "parts"), BAD, ids=[" ".join([case[0], *case[1]]) for case in BAD])
def test_bad_values_get_one_line_before_anything_is_compiled(command, arguments, parts, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trajectory, "integrate", lambda *args: pytest.fail("compiled before the input was refused"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    arguments = [argument.format(file=tmp_path / "file") for argument in arguments]
    if command == "phase-diagram" and "--size" not in arguments:
        arguments = ["--size", "2", "2", *arguments]
    assert in_this_process(command, *arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("ntadyn: ")
    assert error.count("\n") == 1
    for part in parts:
        assert part in error
    assert (tmp_path / "file").read_text() == "kept"
    assert list(tmp_path.rglob("*.nc")) == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["simulate", "--preset", "figure-9"], ["figure-9", "--preset", "figure-2-flexible"]),
        (["phase-diagram", "--preset=figure-9"], ["figure-9", "published", "released", "small"]),
        (["phase-diagram", "--size", "4"], ["--size", "2 values", "got 1: 4", "COLUMNS ROWS"]),
        (["simulate", "--time-constants.gate", "1"], ["--time-constants.gate"]),
        (["simulate", "--dynamics", "FAST"], ["FAST", "order_parameters"]),
        (["draw"], ["simulate", "phase-diagram", "verify"]),
        ([], ["simulate", "phase-diagram", "verify"]),
    ],
    ids=" ".join,
)
def test_bad_options_are_explained(arguments, parts, capsys):
    assert in_this_process(*arguments) == 2
    out, error = capsys.readouterr()
    assert "Traceback" not in out + error
    for part in parts:
        assert part in error


def test_bad_input_leaves_a_new_process_without_a_traceback():
    done = in_new_process("simulate", "--time-constants.weights", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ntadyn: time_constants.weights is 0.0")
    assert "Traceback" not in done.stderr
