"""`ntadyn sweep`: words become axes, and axes results and pictures."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from ntadyn.cli import main
from ntadyn.cli.axis_words import axes_of
from ntadyn.cli.spec_file import loaded
from ntadyn.results.storage import read_dataset
from ntadyn.specs import presets
from ntadyn.specs.configuration import Configuration, Dynamics, TeacherKind
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import as_axes, sweep
from tests.cli.test_commands import file_names, in_new_process, in_this_process
from tests.sweeps.own_spec import TanhOnData

OWN = Path(__file__).resolve().parents[1] / "sweeps" / "own_spec.py"


@dataclasses.dataclass(frozen=True)
class Plain:
    """Parameters of every kind that can be typed."""

    name: str | None = None
    shut: bool = False
    tau: float = 1.0


@pytest.mark.parametrize(
    ("word", "path", "values"),
    [
        ("curriculum.block_duration=0.1:1:4", "curriculum.block_duration", (0.1, 0.4, 0.7, 1.0)),
        ("Curriculum.Block-Duration=0.1:1:4", "curriculum.block_duration", (0.1, 0.4, 0.7, 1.0)),
        ("strength=log:0.001:1:4", "penalties.strength", (0.001, 0.01, 0.1, 1.0)),
        ("strength = 0, 0.5", "penalties.strength", (0.0, 0.5)),
        ("max_step=0.01,0.02", "max_step", (0.01, 0.02)),
        ("num_paths=2,3,4", "network.num_paths", (2, 3, 4)),
        ("num_paths=2:8:4", "network.num_paths", (2, 4, 6, 8)),
        ("curriculum.num_blocks=4,8", "curriculum.num_blocks", (4, 8)),
        ("dynamics=online,Gradient-Flow", "dynamics", (Dynamics.ONLINE, Dynamics.GRADIENT_FLOW)),
        ("kind=SVD", "teachers.kind", (TeacherKind.SVD,)),
        ("curriculum.name=A_B__,A_B_C__", "curriculum.name", ("A_B__", "A_B_C__")),
    ],
)
def test_an_axis_is_a_path_and_a_range_or_a_list(word, path, values):
    (axis,) = axes_of([word], Configuration())
    assert axis.path == path
    assert [type(value) for value in axis.values] == [type(value) for value in values]
    assert axis.values == (pytest.approx(values, rel=1e-14) if isinstance(values[0], float) else values)


def test_the_ends_of_a_range_are_what_was_typed():
    (axis,) = axes_of(["strength=log:0.001:0.3:14"], Configuration())
    assert (axis.values[0], axis.values[-1], len(axis)) == (0.001, 0.3, 14)
    ratios = np.asarray(axis.values[1:]) / np.asarray(axis.values[:-1])
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-12)
    (one,) = axes_of(["strength=log:0.1:0.3:1"], Configuration())
    assert one.values == (0.1,)


def test_truth_and_nothing_have_words():
    assert axes_of(["shut=true,False"], Plain())[0].values == (True, False)
    assert axes_of(["name=None,A"], Plain())[0].values == (None, "A")


def test_a_plus_zips():
    found = axes_of(["gates+strength=0.01,0.02;log:0.1:1:2"], Configuration())
    expected = as_axes({("time_constants.gates", "penalties.strength"): ((0.01, 0.02), (0.1, 1.0))})
    assert found == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "at least one axis; give --axis PATH=LOW:HIGH:COUNT, PATH=log:"),
        (["--axis", "gates"], "--axis 'gates' is not an axis; write PATH=LOW:HIGH:COUNT"),
        (["--axis", "gate=1,2"], "no parameter 'gate'; there are teachers.kind"),
        (["--axis", "penalties=1,2"], "'penalties' is a group of parameters; choose one of penalties.column_l1"),
        (["--axis", "gates=1:2"], "time_constants.gates=1:2 is not a range; write LOW:HIGH:COUNT"),
        (["--axis", "gates=1:2:0"], "an axis of 0 values"),
        (["--axis", "gates=log:0:2:3"], "begins at 0; a logarithmic range begins above zero"),
        (["--axis", "gates=log:1:-2:3"], "give an ascending range"),
        (["--axis", "gates=a,b"], "'a' is not a value of time_constants.gates; it must be a real number"),
        (["--axis", "gates=0.1,-1"], "must be finite and ascending"),
        (["--axis", "gates=-1,1"], "time_constants.gates is -1.0; it must be positive"),
        (["--axis", "num_paths=2:3:4"], "choose a range that meets whole numbers only"),
        (["--axis", "num_paths=1,2"], "2 tasks, composites included, and 1 paths"),
        (["--axis", "dynamics=1:2:3"], "takes one of Dynamics.ORDER_PARAMETERS, Dynamics.GRADIENT_FLOW"),
        (["--axis", "kind=round"], "no value of teachers.kind 'round'; there are orthogonal, iid"),
        (["--axis", "curriculum.tasks=0,1"], "'0' is not a value of curriculum.tasks; it must be tuple or None"),
        (["--axis", "randomness.seed=0,1"], "repetitions are one already"),
        (["--axis", "gates+strength=1,2"], "2 parameters and 1 lists of values"),
        (["--axis", "gates+strength=1,2;1"], "'time_constants.gates': 2, 'penalties.strength': 1"),
        (["--axis", "gates=1:2:2000000000"], "values of time_constants.gates=1:2:2000000000"),
        (["--axis", "gates=1,2", "--time-constants.gates", "3"], "gates = 3.0 would have no effect: it is an axis"),
        (["--axis", "gates=1,2", "--refine", "3"], "a power of two apart"),
        (["--axis", "gates=1,2", "--at", "gates"], "write --at AXIS=VALUE"),
        (["--axis", "gates=1,2", "--spec", "nowhere.py:Rule"], "does not name an existing Python file"),
    ],
)
def test_what_cannot_be_meant_is_refused(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert in_this_process("sweep", *words) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--score", "gates"], "no score 'gates'; choose from alignment, last_alignment"),
        (["--at", "strength=1"], "no axis 'strength'; it has gate_time_constant: 1, 2"),
        (["--at", "gate_time_constant=5"], "gate_time_constant is never near 5; choose one of 1, 2"),
    ],
)
def test_what_the_picture_cannot_show_is_refused_before_anything_is_computed(
    words, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr("ntadyn.sweeps.engine.run_tiles", lambda *args: pytest.fail("it was computed"))
    assert in_this_process("sweep", "--axis", "gates=1,2", *words, "--out", tmp_path / "out") == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not list(tmp_path.iterdir())


BATCHES = ["--dynamics", "online", "--teachers.d-in", 6, "--teachers.d-out", 2, "--batch-size", 4, "--max-step", 0.05]
AXES = ["--axis", "gates=0.3,0.9", "--axis", "block_duration=0.25,0.5,1", "--axis", "strength=0.1:0.2:2"]
SWEEP = ["sweep", "--preset", "figure-2-flexible", *BATCHES, "--curriculum.total-time", 2, "--seeds", 2, *AXES]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "new"
    return folder, in_new_process(*SWEEP, "--out", folder)


@pytest.mark.slow
def test_sweep_writes_what_python_returns_and_draws_it(swept, capsys):
    folder, done = swept
    assert done.returncode == 0, done.stderr
    assert file_names(folder) == ["slices.pdf", "slices.png", "sweep.nc", "sweep.pdf", "sweep.png", "sweep.tiles"]
    assert "sweep: 2 gate_time_constant x 3 block_duration x 2 strength, 2 repetitions: 24 trajectories" in done.stderr
    assert "24.0/24.0" in done.stderr
    assert "sweep: 24 trajectories in 12 of 12 cells, 0 failed" in done.stdout
    written = read_dataset(folder / "sweep.nc")
    assert written.attrs["preset"] == "figure-2-flexible"
    changes = {"teachers.d_in": 6, "teachers.d_out": 2, "batch_size": 4, "max_step": 0.05, "curriculum.total_time": 2.0}
    base = replaced(presets.figure_2_flexible(), changes | {"dynamics": Dynamics.ONLINE})
    axes = {
        "time_constants.gates": (0.3, 0.9),
        "curriculum.block_duration": (0.25, 0.5, 1.0),
        "penalties.strength": (0.1, 0.2),
    }
    again = sweep(base, axes, seeds=2)
    assert dict(written.sizes) == dict(again.sizes)
    assert written.attrs["configuration"] == again.attrs["configuration"]
    for name, values in again.data_vars.items():
        np.testing.assert_allclose(written[name], values, rtol=1e-10, atol=1e-12)

    assert in_this_process("show", folder / "sweep.nc", "--at", "strength=0.2", "--no-plot") == 0
    assert "strength" in capsys.readouterr().out


@pytest.mark.slow
def test_a_sweep_that_is_run_again_computes_nothing(swept, capsys):
    folder, _ = swept
    before = read_dataset(folder / "sweep.nc")
    assert in_new_process(*SWEEP, "--out", folder, "--at", "strength=0.1").returncode == 0
    after = read_dataset(folder / "sweep.nc")
    assert after.attrs["computed"] == 0
    assert before.drop_attrs().identical(after.drop_attrs())


@pytest.fixture
def rule(tmp_path):
    return shutil.copy(OWN, tmp_path / "my_rule.py")


@pytest.mark.slow
def test_a_spec_of_a_file_is_swept_with_its_own_parameters(rule, tmp_path, capsys):
    words = ["--axis", "tau_v=0.1,0.2", "--scale", 0.4, "--num-blocks", 2, "--seeds", 2, "--out", tmp_path / "out"]
    assert in_this_process("sweep", "--spec", f"{rule}:TanhOnData", *words) == 0
    written = read_dataset(tmp_path / "out" / "sweep.nc")
    again = sweep(TanhOnData(scale=0.4, num_blocks=2), {"speeds.tau_v": (0.1, 0.2)}, seeds=2)
    assert set(written.data_vars) == {"loss", "norm", "result"}
    np.testing.assert_allclose(written.norm, again.norm, rtol=1e-10)
    assert "preset" not in written.attrs
    assert file_names(tmp_path / "out") == [
        "sweep.nc",
        "sweep.pdf",
        "sweep.png",
        "sweep.tiles",
    ]  # one axis: one picture


def test_specs_of_files_are_found_or_refused_by_name(rule, tmp_path, capsys):
    assert loaded(f"{rule}:TanhOnData").num_sets == 2
    (tmp_path / "helper.py").write_text("SCALE = 0.25\n")
    text = Path(rule).read_text() + "\n\nimport helper\nSMALL = TanhOnData(scale=helper.SCALE)\nmade = lambda: SMALL\n"
    Path(rule).write_text(text)
    assert loaded(f"{rule}:SMALL").scale == loaded(f"{rule}:made").scale == 0.25
    for name, message in {
        "": "those in the file are TanhOnData, SMALL",
        "Tanh": "no spec 'Tanh'; there are TanhOnData, SMALL",
        "HIDDEN": "4 is not a spec",
    }.items():
        with pytest.raises(ValueError, match=message):
            loaded(f"{rule}:{name}")
    Path(rule).write_text(f"{text}\ndef needy(scale):\n    return TanhOnData(scale=scale)\n")
    with pytest.raises(ValueError, match="needy of .* gives no spec without arguments .*missing 1 required"):
        loaded(f"{rule}:needy")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(ValueError, match="broken.py' cannot be run: ZeroDivisionError"):
        loaded(f"{tmp_path / 'broken.py'}:Rule")
    with pytest.raises(SystemExit):
        main(["sweep", "--spec", f"{rule}:SMALL", "--preset", "figure-2-flexible", "--axis", "scale=1,2"])
    assert "exclude each other" in capsys.readouterr().err


@pytest.mark.slow
def test_a_spec_of_a_file_is_refined_on_a_cluster(rule, tmp_path):
    axes = ["--axis", "tau_v=log:0.05:0.4:5", "--axis", "block=0.25:0.5:5"]
    how = ["--score", "norm", "--level", 1.8, "--refine", 2, "--cluster", "local", "--workers", 1]
    done = in_new_process("sweep", "--spec", f"{rule}:TanhOnData", *axes, *how, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    written = read_dataset(tmp_path / "out" / "sweep.nc")
    assert 9 <= int(written.evaluated.sum()) <= 25
    again = sweep(TanhOnData(), {"speeds.tau_v": written.speeds_tau_v.values[:2], "block": (0.25,)}, seeds=1)
    np.testing.assert_allclose(written.norm[0, 0], again.norm[0, 0], rtol=1e-10)
