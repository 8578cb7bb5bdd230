"""The command `ntadyn degeneracy`."""

import numpy as np
import pytest
import xarray as xr

from ntadyn.cli import main
from ntadyn.cli.degeneracy import basis_table, table


def test_what_is_neither_a_preset_nor_a_file_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["degeneracy", "nothing.nc"])
    assert end.value.code == 2
    assert "nothing" in capsys.readouterr().err


def test_without_its_library_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        main(["degeneracy", "figure-2-flexible"])
    assert end.value.code == 2
    assert "ntadyn[degeneracy]" in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_is_measured_and_a_kept_run_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    size = ["--teachers.d-in", "4", "--teachers.d-out", "2", "--curriculum.num-blocks", "4"]
    with pytest.raises(SystemExit):
        main(["simulate", *size, "--randomness.num-seeds", "1", "--out", "small"])
    words = ["degeneracy", "small/simulation.nc", "--draws", "100", "--keep", "kept"]
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main([*words, "--out", "first"])
    printed = capsys.readouterr().out
    assert "behavioural loss, 20 parameters" in printed
    assert len(list((tmp_path / "kept").glob("*.npz"))) == 11
    dataset = xr.load_dataset("first/degeneracy.nc")
    assert end.value.code == int(not (dataset.trusted.all() and dataset.curve_trusted.all()))
    assert printed.splitlines()[:-3] == table(dataset)
    assert (tmp_path / "first" / "degeneracy.png").stat().st_size > 5000
    with pytest.raises(SystemExit):
        main([*words, "--out", "second"])
    assert xr.load_dataset("second/degeneracy.nc").drop_attrs().identical(dataset.drop_attrs())
    with pytest.raises(SystemExit) as end:
        main([*words, "--out", "third", "--localisation", "50"])
    assert end.value.code == 2
    assert "another run" in capsys.readouterr().err


def test_without_the_library_of_modules_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        main(["degeneracy", "figure-2-flexible", "--basis"])
    assert end.value.code == 2
    assert "scikit-network" in capsys.readouterr().err


def test_options_of_sampling_are_refused_where_nothing_is_sampled(capsys):
    with pytest.raises(SystemExit) as end:
        main(["degeneracy", "figure-2-flexible", "--basis", "--draws", "30", "--inverse-temperature", "100"])
    assert end.value.code == 2
    assert "--inverse-temperature, --draws belongs to sampling" in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_is_taken_apart(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    size = ["--teachers.d-in", "4", "--teachers.d-out", "2", "--curriculum.num-blocks", "2"]
    with pytest.raises(SystemExit):
        main(["simulate", *size, "--randomness.num-seeds", "1", "--out", "small"])
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["degeneracy", "small/simulation.nc", "--basis", "--out", "apart"])
    assert end.value.code == 0
    dataset = xr.load_dataset("apart/basis.nc")
    assert capsys.readouterr().out.splitlines()[:-3] == basis_table(dataset)
    assert dict(dataset.sizes) == {
        "seed": 1, "block": 2, "direction": 4, "task": 2, "output": 2, "gap": 4, "explanation": 5
    }  # fmt: skip
    assert int(dataset.parameters[0, 0]) == 20
    assert np.all(dataset.unexplained == 0)
    # M P + P D = 20 parameters and a table of full rank: rank M D = 16, and GL(2).
    np.testing.assert_array_equal(dataset["rank"] + dataset.explained.sum("explanation"), dataset.parameters)
    assert (tmp_path / "apart" / "basis.png").stat().st_size > 5000
