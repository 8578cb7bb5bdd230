"""`python -m experiments`: exit codes, what its options give to experiments, what it lists, what it starts."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

import experiments
from experiments import sandbrink_2024 as package
from experiments.__main__ import main
from tests.experiments.harness.made_figures import document_of

ROOT = Path(experiments.__file__).parents[1]


def test_a_number_outside_its_tolerance_is_exit_code_1(figure, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as leaving:
        main(["run", "figure_x", "--fast"])
    assert leaving.value.code == 1
    document = document_of(tmp_path / "figures" / "fast")
    assert document["verdict"] == "OUTSIDE"
    assert document["fast"]


def test_reference_folder_from_the_environment(figure, tmp_path, monkeypatch):
    figure.with_reference = lambda parameters, folder: dataclasses.replace(parameters, reference=folder)
    monkeypatch.setenv("NTADYN_REFERENCE", "somewhere")
    with pytest.raises(SystemExit):
        main(["run", "figure_x", "--out", str(tmp_path)])
    assert document_of(tmp_path)["parameters"]["reference"] == "somewhere"


def test_a_file_of_trials_reaches_the_figure_that_can_use_it(figure, tmp_path):
    figure.with_trials = lambda parameters, file: dataclasses.replace(parameters, reference=file)
    with pytest.raises(SystemExit):
        main(["run", "figure_x", "--trials", "people.csv", "--out", str(tmp_path)])
    assert document_of(tmp_path)["parameters"]["reference"] == "people.csv"


def test_a_folder_of_images_reaches_the_figure_that_can_use_it(figure, tmp_path):
    figure.with_images = lambda parameters, folder: dataclasses.replace(parameters, reference=folder)
    with pytest.raises(SystemExit):
        main(["run", "figure_x", "--images", "clothes", "--out", str(tmp_path)])
    assert document_of(tmp_path)["parameters"]["reference"] == "clothes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "nothing to run was named"),
        (["run", "figure_0"], "there is no experiment 'figure_0'; did you mean"),
        (["run", "figure_x", "--online"], "figure_x is deterministic: it has no noise"),
        (["run", "figure_x", "--workers", "0"], "workers must be at least 1, but is 0"),
        (["run", "figure_2", "--reference", "nowhere"], "lacks ['fig2_flexible.npz'"),
        (["run", "figure_8", "--trials", "nowhere.csv"], "nowhere.csv"),
        (["run", "figure_7", "--images", "nowhere"], "nowhere is no folder; give one with t10k-images-idx3-ubyte"),
        (["report"], "there are no results in"),
    ],
)
def test_bad_input_is_exit_code_2_before_any_work(figure, arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        main([*arguments, "--out", str(tmp_path / "out")])
    assert leaving.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["list"]])
def test_help_and_list_do_not_import_jax(arguments):
    command = "import sys, runpy\ntry:\n    runpy.run_module('experiments', run_name='__main__')\n"
    command += "except SystemExit as leaving:\n    assert not leaving.code\n"
    command += "assert not {'jax', 'matplotlib', 'xarray'} & set(sys.modules)\n"
    script = f"import sys; sys.argv[1:] = {arguments!r}\n{command}"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.slow
def test_experiments_start_jax_as_commands_do(tmp_path):
    script = "import experiments.harness.runner\nfrom experiments.harness.experiment import prepare\nprepare()\n"
    script += "import jax\nfrom ntadyn.xla_options import loops_are_whole\n"
    script += "print(loops_are_whole(), jax.config.values['jax_enable_x64'], jax.config.jax_compilation_cache_dir)\n"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XLA_FLAGS", "JAX_COMP"))}
    environment |= {"XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"True True {tmp_path}"), done.stderr


def test_list_names_packages_and_their_experiments(capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["list"])
    assert leaving.value.code == 0
    printed = capsys.readouterr().out
    heading, _, *lines = printed.splitlines()
    assert heading == f"sandbrink_2024: {package.TITLE}"
    assert [line.split(maxsplit=1)[0] for line in lines[: len(package.EXPERIMENTS)]] == list(package.EXPERIMENTS)
    assert max(map(len, lines)) <= 120


def test_what_is_done_is_said_before_anything_is_loaded():
    script = "import sys; sys.argv[1:] = ['run', 'Figure-A8', '--fast', '--out', 'nowhere']\n"
    script += "sys.modules['experiments.harness.runner'] = None\n"
    script += "import runpy; runpy.run_module('experiments', run_name='__main__')\n"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == "running figure_a8 quickly into 'nowhere'; loading it first\n"
