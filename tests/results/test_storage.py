import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import ntadyn
from ntadyn.results import untrusted
from ntadyn.results.storage import (
    DiskFullError,
    new_folder,
    output_folder,
    read_dataset,
    remove_abandoned,
    write_bytes,
    write_dataset,
    writing,
)
from tests.hostile_files.good import content, good_sweep


@pytest.fixture
def dataset():
    values = np.arange(6.0).reshape(2, 3)
    values[0, 1] = np.nan
    return xr.Dataset(
        {"loss": (("seed", "record"), values, {"long_name": "task loss", "units": "1"}), "result": ("seed", [0, 1])},
        {"time": ("record", [0.0, 0.5, 1.0], {"units": "τ"}), "teacher": ["A", "AB"]},
        {
            "configuration": '{"λ": 1}',
            "edges": np.asarray([0.0, 0.999]),
            "block_tasks": np.asarray([0, 1, 0]),
            "task_names": ["A", "AB"],
            "max_step": 0.125,
        },
    )


def test_a_dataset_comes_back_as_it_was(dataset, tmp_path):
    path = write_dataset(dataset, tmp_path / "result.nc")
    assert [item.name for item in tmp_path.iterdir()] == ["result.nc"]
    back = read_dataset(path)
    path.unlink()  # the values are in memory
    xr.testing.assert_equal(back, dataset)
    assert back.loss.dtype == np.float64
    assert back.loss.attrs == dataset.loss.attrs
    assert back.time.attrs == dataset.time.attrs
    assert set(back.attrs) == set(dataset.attrs)
    for name, value in dataset.attrs.items():
        np.testing.assert_array_equal(back.attrs[name], value)


def test_a_file_is_replaced_only_when_the_new_one_is_whole(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("old")
    with writing(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("old")

    def interrupted():
        with writing(target) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_dataset_that_cannot_be_written_leaves_the_old_file(dataset, tmp_path, monkeypatch):
    target = write_dataset(dataset, tmp_path / "result.nc")
    before = target.read_bytes()
    with pytest.raises((TypeError, ValueError)):
        write_dataset(dataset.assign_attrs(bad=object()), target)

    def full(source, destination):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_dataset(dataset, target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_files_get_the_permissions_of_any_new_file(tmp_path):
    plain, written = tmp_path / "plain", tmp_path / "written"
    plain.touch()
    with writing(written) as temporary:
        temporary.write_text("x")
    assert written.stat().st_mode == plain.stat().st_mode


def test_an_output_folder_is_made_with_its_parents(tmp_path):
    folder = tmp_path / "a" / "b"
    assert output_folder(folder) == folder
    assert list(folder.iterdir()) == []
    assert output_folder(folder) == folder


def test_a_folder_made_for_nothing_goes_again(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="refused"), new_folder(tmp_path / "there" / "new" / "newer"):
        raise ValueError("refused")
    assert names(tmp_path) == ["there"]
    assert names(tmp_path / "there") == []

    def wrote_too_little():
        with new_folder(tmp_path / "new") as folder:
            (folder / "result").write_text("kept")
            raise ValueError("too late")

    with pytest.raises(ValueError, match="too late"):
        wrote_too_little()
    assert names(tmp_path / "new") == ["result"]


@pytest.mark.parametrize(("path", "reason"), [("file", "File exists"), ("file/below", "Not a directory")])
def test_an_output_folder_that_is_in_the_way_is_refused(tmp_path, path, reason):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(ValueError, match=f"cannot write to .*{path}.*{reason}.*Choose a folder.*--out"):
        output_folder(tmp_path / path)
    assert (tmp_path / "file").read_text() == "kept"


def test_an_output_folder_without_permission_is_refused(tmp_path, monkeypatch):
    # Permission bits do not stop the superuser, so the refusal is made here.
    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(ValueError, match="Permission denied.*Choose a folder"):
        output_folder(tmp_path / "out")


def test_writing_into_a_folder_that_does_not_exist_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError), writing(tmp_path / "missing" / "result.nc"):
        pytest.fail("the block must not run")


DAY = 24 * 3600.0


@pytest.fixture(scope="module")
def ended():
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def leftover(tmp_path):
    """Makes a file in the folder, with its age in seconds; the name is what `writing` uses for a host and a process."""
    with writing(tmp_path / "probe") as temporary:
        host, process = temporary.name.split(".")[-4:-2]
    (tmp_path / "probe").unlink()
    assert process == str(os.getpid())

    def leave(owner, process, age=0.0):
        name = temporary.name.replace(host, host if owner == "here" else owner).replace(str(os.getpid()), str(process))
        return put(tmp_path, name, age)

    return leave


def put(folder, name, age=0.0):
    (folder / name).write_text("x")
    os.utime(folder / name, (time.time() - age,) * 2)
    return name


def names(folder):
    return sorted(item.name for item in folder.iterdir())


def test_only_what_we_left_and_nobody_writes_any_more_is_removed(tmp_path, ended, leftover):
    leftover("here", ended)
    leftover("here", os.getpid(), age=1.1 * DAY)
    leftover("elsewhere", ended, age=1.1 * DAY)
    put(tmp_path, ".two\nlines.nc.ntadyn.elsewhere.1.01234567.part", age=2 * DAY)
    kept = [
        leftover("here", os.getpid(), age=0.9 * DAY),
        leftover("here", 1),
        leftover("elsewhere", ended, age=0.9 * DAY),
    ]
    remove_abandoned(tmp_path)
    assert names(tmp_path) == sorted(kept)


STRANGERS = [
    ".unknown.part",
    "kept.part",
    "film.mkv.part",
    ".film.mkv.part",
    ".tile-00001.abc.nc.host.123.01234567.part",
    ".file.ntadyn.host.123.0123456.part",
    ".file.ntadyn.host.123.01234567.part.mine",
    ".file.ntadyn.host.x.01234567.part",
    "file.ntadyn.host.123.01234567.part",
]


@pytest.mark.parametrize("name", STRANGERS)
def test_files_of_others_are_never_removed_however_old(tmp_path, name):
    put(tmp_path, name, age=1000 * DAY)
    remove_abandoned(tmp_path)
    output_folder(tmp_path)
    assert names(tmp_path) == [name]


def test_what_only_has_the_name_of_a_leftover_is_not_removed(tmp_path, ended, leftover):
    (tmp_path / "precious").write_text("kept")
    link, folder, missing = (leftover("here", ended).replace(".probe.", f".{name}.") for name in "abc")
    (tmp_path / link).symlink_to(tmp_path / "precious")
    (tmp_path / folder).mkdir()
    (tmp_path / missing).symlink_to(tmp_path / "nowhere")
    remove_abandoned(tmp_path)
    assert names(tmp_path) == sorted([link, folder, missing, "precious"])
    assert (tmp_path / "precious").read_text() == "kept"


def test_the_next_run_into_a_folder_removes_what_a_killed_one_left_there(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from ntadyn.results.storage import writing\n"
        "with writing(Path(sys.argv[1]) / 'simulation.nc') as temporary:\n"
        "    temporary.write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    (left,) = names(tmp_path)
    assert left.endswith(".part")
    output_folder(tmp_path)
    assert names(tmp_path) == []


def test_names_may_have_any_bytes_and_the_greatest_length(tmp_path):
    for name in (b"\xff\n'\".nc", b"-x.nc", b"n" * 252 + b".nc"):
        target = tmp_path / os.fsdecode(name)
        assert read_dataset(write_dataset(good_sweep(), target)).encoding["checksum"]
        assert names(tmp_path) == [os.fsdecode(name)]
        target.unlink()


def test_a_file_without_a_checksum_is_read_as_it_is(tmp_path):
    path = write_bytes(content(good_sweep()), tmp_path / "result.nc")
    back = read_dataset(path)
    assert back.encoding["checksum"] is False
    xr.testing.assert_identical(back, good_sweep())


def test_a_damaged_file_is_refused(tmp_path):
    path = write_dataset(good_sweep(), tmp_path / "result.nc")
    whole = bytearray(path.read_bytes())
    place = whole.find(np.float64(good_sweep().alignment[1, 2, 0]).tobytes())
    whole[place] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"cannot read .*result\.nc' as NetCDF: it is damaged: its content and the ch"):
        read_dataset(path)


def test_a_good_file_is_not_called_damaged_when_the_computer_is_too_busy(tmp_path, monkeypatch):
    path = write_dataset(good_sweep(), tmp_path / "result.nc")
    monkeypatch.setattr(untrusted, "_SECONDS", 0.0)
    with pytest.raises(OSError, match="examining a file took longer than 0 s; try again"):
        read_dataset(path)


def test_numbers_with_units_of_time_stay_numbers(tmp_path):
    dataset = good_sweep()
    dataset["alignment"].attrs["units"] = "seconds"
    dataset["contrast"].attrs["units"] = "days since 2000-01-01"
    back = read_dataset(write_dataset(dataset, tmp_path / "result.nc"))
    xr.testing.assert_identical(back, dataset)


@contextmanager
def longest_file(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_limit_on_the_size_of_files_is_told_and_leaves_the_old_file(tmp_path):
    target = write_dataset(good_sweep(), tmp_path / "result.nc")
    before = target.read_bytes()
    with (
        longest_file(1000),
        pytest.raises(DiskFullError, match="files are not allowed to become so large"),
    ):
        write_dataset(good_sweep().assign_attrs(more="x"), target)
    assert target.read_bytes() == before
    assert names(tmp_path) == ["result.nc"]


FULL = """
import sys
import matplotlib.pyplot as plt
import numpy as np
from pathlib import Path
from ntadyn.plotting.style import save_figure
from ntadyn.results.storage import read_dataset, write_dataset
source, target = map(Path, sys.argv[1:])
figure = plt.figure()
figure.figimage(np.random.default_rng(0).random((200, 200)))
for write, what, name in ((write_dataset, read_dataset(source), "result.nc"), (save_figure, figure, "picture")):
    try:
        write(what, target / name)
    except OSError as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def on_a_full_disk(tmp_path):
    """Runs commands with a folder on a file system of 12 kB, in a namespace of its own; the error output lists it."""
    folder = tmp_path / "full"
    folder.mkdir()
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=12k tmpfs {folder}"
    if not shutil.which("unshare") or subprocess.run([*namespace, mount], capture_output=True).returncode:
        pytest.skip("this system gives users no file systems of their own")

    def run(*command):
        script = f'{mount} && "$@"; code=$?; ls -A {folder} >&2; exit $code'
        environment = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1]), "MPLBACKEND": "Agg"}
        whole = [*namespace, script, "sh", *map(str, command)]
        return subprocess.run(whole, capture_output=True, text=True, env=environment, check=False)

    return folder, run


@pytest.mark.slow
def test_a_disk_that_fills_up_under_results_and_pictures(on_a_full_disk, tmp_path):
    folder, run = on_a_full_disk
    source = write_dataset(good_sweep(), tmp_path / "result.nc")
    done = run(sys.executable, "-c", FULL, source, folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("DiskFullError") for line in lines)
    assert "the disk, or your share of it, is full: 'result.nc' does not fit into" in lines[0]
    assert done.stderr == ""


@pytest.mark.slow
def test_show_on_a_full_disk_says_so(on_a_full_disk, tmp_path):
    folder, run = on_a_full_disk
    source = write_dataset(good_sweep(), tmp_path / "result.nc")
    done = run(sys.executable, "-m", "ntadyn", "show", source, "--plot", folder / "picture.png")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "ntadyn: [Errno 28] the disk, or your share of it, is full: 'picture.png' does not fit"
    )
    assert done.stderr.count("\n") == 1
