"""What a command prints arrives whatever the encoding, and whoever reads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import ntadyn
from ntadyn.results.storage import read_dataset, write_dataset
from tests.hostile_files.good import good_sweep

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    dataset = good_sweep()
    dataset["alignment"].attrs["long_name"] = "λ of é"
    return write_dataset(dataset, tmp_path_factory.mktemp("shown") / os.fsdecode(b"na\xffme.nc"))


def run(script, *arguments, **environment):
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "ntadyn", *arguments]
    return subprocess.run(command, capture_output=True, env=ENVIRONMENT | environment, check=False, timeout=100)


ENCODINGS = {
    "utf-8": ("λ of é", {}),
    "latin-1": ("\\u03bb of é", {}),
    "cp1252": ("\\u03bb of é", {}),
    "ascii": ("\\u03bb of \\xe9", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
}


@pytest.mark.representatives(1)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_characters_that_an_encoding_lacks_are_replaced(path, encoding):
    shown, environment = ENCODINGS[encoding]
    done = run('exec "$@"', "show", path, "--no-plot", PYTHONIOENCODING=encoding, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert shown in done.stdout.decode(encoding)


@pytest.mark.slow
def test_paths_that_an_encoding_lacks_are_written_and_told(path):
    done = run('exec "$@"', "show", path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"na\\udcffme-overview.pdf\n")
    assert path.with_name(f"{path.stem}-overview.pdf").exists()


def test_messages_survive_any_encoding(tmp_path):
    done = run('exec "$@"', "show", tmp_path / os.fsdecode(b"\xff\nmissing"), PYTHONIOENCODING="ascii:strict")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"there is no file" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_a_reader_that_leaves_changes_neither_the_work_nor_its_exit_code(path):
    picture = path.with_name("piped.png")
    script = '{ "$@"; echo "code $?" >&2; } | true'
    done = run(script, "show", path, "--plot", picture, PYTHONUNBUFFERED="1")
    assert done.stderr == b"code 0\n"
    assert picture.exists()


@pytest.mark.representatives(1)
@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_from_the_beginning_are_no_error(path, closed):
    picture = path.with_name(f"closed{len(closed)}.png")
    options = ["--plot", picture] if "<" in closed else ["--no-plot"]
    done = run(f'"$@" {closed}', "show", path, *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert "<" not in closed or picture.read_bytes().startswith(b"\x89PNG")
    assert run(f'"$@" {closed}', "show", path.with_name("none.nc")).returncode == 2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_results_that_cannot_be_printed_are_an_error(path):
    done = run('"$@" >/dev/full', "show", path, "--no-plot")
    assert (done.returncode, done.stderr) == (2, b"ntadyn: cannot print: No space left on device\n")
    assert run('"$@" 2>/dev/full', "show", path.with_name("none.nc")).returncode == 2


@pytest.mark.slow
def test_a_folder_of_any_name_is_written_and_the_stored_command_can_be_run_again(tmp_path):
    folder = tmp_path / os.fsdecode(b"\xff two\nlines 'and' \"more\" $HOME -x")
    size = ["--teachers.d-in", "6", "--teachers.d-out", "2", "--curriculum.total-time", "2", "--seeds", "1"]
    quick = ["--dynamics", "ONLINE", "--batch-size", "4", "--max-step", "0.05"]
    done = run('exec "$@"', "simulate", *size, *quick, "--out", folder)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == ["simulation.nc", "simulation.pdf", "simulation.png"]
    first = read_dataset(files[0])
    files[0].unlink()
    again = first.attrs["command"].replace("python -m ntadyn", f"{sys.executable} -m ntadyn", 1)
    subprocess.run(["bash", "-c", again], env=ENVIRONMENT, check=True, capture_output=True)
    assert sorted(folder.iterdir()) == files
    xr.testing.assert_equal(read_dataset(files[0]), first)
