import inspect
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.cli import main
from ntadyn.cli.show import Show
from ntadyn.maps.border import BORDER
from ntadyn.maps.regimes import THRESHOLDS
from ntadyn.plotting.style import save_figure
from ntadyn.plotting.trajectory import trajectory_figure
from ntadyn.results.result_file import read_result
from ntadyn.results.storage import write_dataset
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced, to_json
from tests.finished_sweeps import ramp, sweep
from tests.hostile_files.good import good_simulation, good_sweep

COLUMNS = np.linspace(0.1, 0.5, 5)


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["show", *map(str, arguments)])
    return end.value.code


def sweep_file(folder, name="map.nc", **attributes):
    values = np.stack([ramp([0.2, 0.25, 0.3], COLUMNS, slope=0.5)] * 3)
    dataset = sweep(values, tau_w=2.0, block_duration=[1, 2, 3], gate_time_constant=COLUMNS)
    return write_dataset(dataset.assign_attrs(attributes), folder / name)


def simulation_file(folder):
    seeds, records = 3, 5
    similarity = np.broadcast_to(np.asarray([[0.9, 0.1], [0.2, 0.8]]), (seeds, records, 2, 2)).copy()
    similarity[2] = np.nan
    dataset = xr.Dataset(
        {
            "loss": (("seed", "record"), np.full((seeds, records), 0.25), {"long_name": "task loss", "units": "1"}),
            "gates": (("seed", "record", "path"), np.ones((seeds, records, 2))),
            "similarity": (("seed", "record", "teacher", "path"), similarity),
            "gates_error": (("seed", "record", "path"), np.full((seeds, records, 2), 2e-4)),
            "result": ("seed", [0, 0, 1]),
        },
        {
            "time": ("record", np.linspace(0, 4, records), {"units": "unit of the time constants"}),
            "teacher": ["A", "B"],
        },
        {
            "configuration": to_json(replaced(Configuration(), {"time_constants.gates": 0.5})),
            "edges": np.asarray([0.0, 2.0, 4.0]),
            "block_tasks": np.asarray([0, 1]),
            "num_base": 2,
        },
    )
    return write_dataset(dataset, folder / "simulation.nc")


@pytest.mark.slow
def test_a_sweep_is_printed_and_drawn_beside_its_file(tmp_path, capsys):
    open_before = plt.get_fignums()
    path = sweep_file(tmp_path, "run.1.nc", ntadyn_version="0.1.0", command="ntadyn phase-diagram", max_step=0.0125)
    assert run(path) == 0
    out = capsys.readouterr().out
    assert out.startswith("sweep 'made': 3 x 5 cells, 3 repetitions, 45 trajectories\n")
    for heading in (
        "axes",
        "outcome",
        "regimes (",
        "border: mean alignment = 0.9 (90 % interval",
        "uncertain cells (90 % interval of the mean alignment holds 0.9)",
        "variables",
        "preset that comes closest: figure-2-flexible",
    ):
        assert f"\n\n{heading}" in out
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith("  ")}
    assert lines["time_constants.weights"] == ["time_constants.weights", "2.0", "(default", "1.3)"]
    assert lines["contrast"][1:3] == ["(block_duration,", "gate_time_constant,"]
    assert lines["command"] == ["command", "ntadyn", "phase-diagram"]
    assert lines["largest"] == ["largest", "step", "0.0125"]
    assert max(map(len, out.splitlines())) < 140
    assert sorted(item.name for item in tmp_path.iterdir()) == ["run.1-overview.pdf", "run.1-overview.png", "run.1.nc"]
    assert f"wrote {tmp_path / 'run.1-overview.png'}" in out
    assert plt.get_fignums() == open_before


def test_axes_are_no_settings_and_unknown_or_missing_settings_are_told(tmp_path, capsys):
    configuration = json.loads(to_json(replaced(Configuration(), {"time_constants.gates": 0.7})))
    configuration["network"]["colour"] = "red"
    del configuration["batch_size"]
    path = sweep_file(tmp_path, configuration=json.dumps(configuration))
    assert run(path, "--no-plot") == 0
    settings = capsys.readouterr().out.split("settings that differ from the defaults\n")[1].split("\n\n")[0]
    assert [line.split() for line in settings.splitlines()] == [
        ["batch_size", "not", "recorded", "(default", "now", "200)"],
        ["network.colour", "red", "(not", "known", "to", "this", "version)"],
    ]


def test_a_simulation_is_printed_and_drawn(tmp_path, capsys):
    folder = tmp_path / "new"
    assert run(simulation_file(tmp_path), "--plot", folder / "picture.png") == 0
    out = capsys.readouterr().out
    assert out.startswith("simulation: 3 repetitions, 2 blocks, time 0 to 4, 5 records\n")
    assert "1 of 3 repetitions failed\n  repetition 2 diverged" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["total", "alignment", "0.85", "sd", "of", "repetitions", "0"] in rows
    assert ["loss", "0.25", "sd", "of", "repetitions", "0"] in rows
    assert ["gates_error", "2.0e-04"] in rows
    assert ["time_constants.gates", "0.5", "(default", "0.03)"] in rows
    assert "[unit of the time constants]" in out
    assert sorted(item.name for item in folder.iterdir()) == ["picture.pdf", "picture.png"]


def three_axes_file(folder):
    values = np.stack([ramp([0.2, 0.25, 0.3], COLUMNS, slope=0.5)] * 3)
    deep = np.stack([values - 0.1, values, values + 0.1], axis=2)
    axes = {"block_duration": [1, 2, 3], "gate_time_constant": COLUMNS, "strength": [0.1, 0.2, 0.3]}
    return write_dataset(sweep(deep, **axes), folder / "deep.nc")


@pytest.mark.slow
def test_a_slice_of_a_sweep_over_three_axes_is_chosen_and_said(tmp_path, capsys):
    path = three_axes_file(tmp_path)
    assert run(path, "--no-plot") == 0
    out = capsys.readouterr().out
    assert "slice\n  strength = 0.2  the middle of 3 values\n  choose another one with --at strength=VALUE" in out
    assert run(path, "--at", "gate_time_constant=0.21", "--at", "strength=0.3") == 0
    out = capsys.readouterr().out
    assert "  gate_time_constant = 0.2  nearest to 0.21\n" in out
    assert "resamples; gate time constant = 0.2, penalty strength = 0.3)" in out
    assert "choose another one" not in out
    assert f"wrote {tmp_path / 'deep-overview.png'}" in out


def experiment_file(folder):
    """What `python -m experiments run` writes for a figure without seeds."""
    time = np.linspace(0, 2, 30)
    dataset = xr.Dataset(
        {
            "loss": ("record", np.exp(-time)),
            "wbar": ("record", np.tanh(time), {"long_name": "specialisation wbar", "units": "teacher"}),
            "effective": (("b", "a"), np.add.outer(np.arange(10.0), np.arange(12.0))),
        },
        {"time": ("record", time), "a": np.arange(12.0), "b": np.arange(10.0)},
        {"ntadyn_version": "0.1.0", "command": "python -m experiments run figure_4", "exponent": 0.5},
    )
    return write_dataset(dataset, folder / "figure.nc")


def test_files_of_experiments_are_described_and_drawn(tmp_path, capsys):
    assert run(experiment_file(tmp_path)) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "data set: 3 variables over record (30), b (10), a (12)\ndescribed as a plain data set: it has no"
    )
    rows = [line.split() for line in out.splitlines()]
    assert ["wbar", "0", "0.964"] in rows
    assert ["wbar", "(record)", "float64", "specialisation", "wbar", "[teacher]"] in rows
    assert ["loss", "(record)", "float64", "loss"] in rows
    assert ["exponent", "0.5"] in rows
    assert ["command", "python", "-m", "experiments", "run", "figure_4"] in rows
    assert f"wrote {tmp_path / 'figure-overview.png'}" in out


def test_a_simulation_that_lacks_what_its_picture_shows_is_drawn_as_far_as_it_goes(tmp_path, capsys):
    path = write_dataset(good_simulation().drop_vars("similarity"), tmp_path / "simulation.nc")
    assert run(path) == 0
    out = capsys.readouterr().out
    assert out.startswith("simulation: 3 repetitions, 2 blocks")
    assert f"wrote {tmp_path / 'simulation-overview.png'}" in out


def test_axes_are_held_in_sweeps_only(tmp_path, capsys):
    for path in (experiment_file(tmp_path), simulation_file(tmp_path)):
        assert "--at holds axes of a sweep, and" in refused(capsys, path, "--at", "record=1")


@pytest.mark.slow
def test_a_picture_that_its_command_drew_is_not_drawn_again_under_another_name(tmp_path, capsys):
    path = simulation_file(tmp_path)
    save_figure(trajectory_figure(read_result(path).dataset), tmp_path / "simulation")
    before = sorted(item.name for item in tmp_path.iterdir())
    assert run(path) == 0
    out = capsys.readouterr().out
    assert out.endswith(f"the picture is the same as {tmp_path / 'simulation.png'}\n")
    assert sorted(item.name for item in tmp_path.iterdir()) == before
    assert run(path, "--plot", tmp_path / "mine.png") == 0
    out = capsys.readouterr().out
    assert "the picture is the same as" in out
    assert f"wrote {tmp_path / 'mine.png'}" in out
    (tmp_path / "simulation.png").write_bytes(b"another picture")
    assert run(path) == 0
    assert f"wrote {tmp_path / 'simulation-overview.png'}" in capsys.readouterr().out


@pytest.mark.slow
def test_a_configuration_of_another_kind_is_listed_whole(tmp_path, capsys):
    path = sweep_file(tmp_path, configuration=json.dumps({"tau_v": 0.3, "layers": {"width": 8}}))
    assert run(path) == 0
    out = capsys.readouterr().out
    assert "preset" not in out
    assert "settings\n  layers.width  8\n  tau_v         0.3\n\n" in out


def test_score_level_and_thresholds_can_be_chosen(tmp_path, capsys):
    arguments = ["--no-plot", "--score", "contrast", "--level", "0.75", "--specialised", "0.9", "--forgetful", "0.2"]
    assert run(sweep_file(tmp_path), *arguments) == 0
    out = capsys.readouterr().out
    assert "border: mean contrast = 0.75" in out
    assert "regimes (specialised: contrast >= 0.9, forgetful: <= 0.2, mixed: between)" in out
    assert [item.name for item in tmp_path.iterdir()] == ["map.nc"]


def test_defaults_are_those_of_the_library():
    fields = inspect.signature(Show).parameters
    assert fields["level"].default == BORDER
    assert (fields["specialised"].default, fields["forgetful"].default) == (
        THRESHOLDS.specialised,
        THRESHOLDS.forgetful,
    )


def refused(capsys, *arguments):
    assert run(*arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("ntadyn: ")
    assert error.count("\n") == 1
    return error


def test_what_is_no_result_is_refused_in_one_line(tmp_path, capsys):
    path = sweep_file(tmp_path)
    assert "there is no file" in refused(capsys, tmp_path / "none.nc")
    assert "is a folder; name a file in it, for example map.nc." in refused(capsys, tmp_path)
    (tmp_path / "text.nc").write_text("not NetCDF")
    assert "as NetCDF" in refused(capsys, tmp_path / "text.nc")
    (tmp_path / "cut.nc").write_bytes(path.read_bytes()[:-1000])
    assert "name a complete file" in refused(capsys, tmp_path / "cut.nc")
    xr.Dataset({"x": ("seed", [1.0])}).to_netcdf(tmp_path / "foreign.nc", engine="h5netcdf")
    assert "is not a result of ntadyn" in refused(capsys, tmp_path / "foreign.nc")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plot", "x.svg"], "ends in .png"),
        (["--plot", "{file}/x.png"], "cannot draw into the folder"),
        (["--score", "beauty"], "'beauty' is not a number per trajectory"),
        (["--forgetful", "0.7"], "choose -1 <= forgetful < specialised"),
        (
            ["--at", "strength=1"],
            "no axis 'strength'; it has block_duration: 1, 2, 3; gate_time_constant: 0.1",
        ),
        (["--at", "block_duration=0.1"], "block_duration is never near 0.1; choose one of 1, 2, 3."),
        (["--at", "block_duration"], "write --at AXIS=VALUE"),
    ],
    ids=["suffix", "folder", "score", "thresholds", "axis", "range", "equals"],
)
def test_bad_options_are_refused_before_anything_is_printed(tmp_path, capsys, arguments, message):
    path = sweep_file(tmp_path)
    assert message in refused(capsys, path, *(argument.format(file=path) for argument in arguments))
    assert [item.name for item in tmp_path.iterdir()] == ["map.nc"]


def test_a_file_must_be_named(capsys):
    assert run() == 2
    assert "FILE" in "".join(capsys.readouterr())


def test_unresolved_errors_and_codes_of_later_versions_are_told(tmp_path, capsys):
    dataset = good_simulation(seeds=4)
    dataset["result"][2:] = [1, 7]
    dataset["gates_error"][0, 3] = np.inf
    dataset["gates_error"][2] = np.inf
    dataset["gates_error"][3] = 5.0
    assert run(write_dataset(dataset, tmp_path / "simulation.nc"), "--no-plot") == 0
    out = capsys.readouterr().out
    assert "2 of 4 repetitions failed\n  repetition 2 diverged\n  repetition 3 failed with result code 7" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["gates_error", "2.0e-04", "unresolved", "in", "1", "of", "2", "repetitions"] in rows


def test_many_failures_are_not_all_named(tmp_path, capsys):
    dataset = good_simulation(seeds=50)
    dataset["result"][:] = 1
    assert run(write_dataset(dataset, tmp_path / "simulation.nc"), "--no-plot") == 0
    out = capsys.readouterr().out
    assert out.count("diverged") == 20
    assert "  and 30 more\n" in out


def test_a_simulation_of_one_block_is_drawn(tmp_path, capsys):
    assert run(write_dataset(good_simulation(blocks=1), tmp_path / "simulation.nc")) == 0
    assert "1 block, time 0 to 2" in capsys.readouterr().out


def test_whether_a_file_was_compared_with_its_checksum_is_told(tmp_path, capsys):
    path = write_dataset(good_simulation(), tmp_path / "simulation.nc")
    assert run(path, "--no-plot") == 0
    assert "checksum  matches" in capsys.readouterr().out
    good_simulation().to_netcdf(path, engine="h5netcdf")
    assert run(path, "--no-plot") == 0
    assert "checksum  none: the file is older than checksums" in capsys.readouterr().out


def test_a_picture_and_none_exclude_each_other(tmp_path, capsys):
    path = write_dataset(good_sweep(), tmp_path / "result.nc")
    with pytest.raises(SystemExit) as end:
        main(["show", str(path), "--no-plot", "--plot", str(tmp_path / "x.png")])
    assert end.value.code == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_refusal_leaves_no_folder(tmp_path, capsys):
    path = write_dataset(good_sweep(), tmp_path / "result.nc")
    with pytest.raises(SystemExit) as end:
        main(["show", str(path), "--score", "nosuch", "--plot", str(tmp_path / "new" / "x.png")])
    assert end.value.code == 2
    assert [item.name for item in tmp_path.iterdir()] == ["result.nc"]
