import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ntadyn.provenance import provenance
from ntadyn.storage import output_folder, read_dataset, write_dataset, writing


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


def test_provenance_can_be_stored(dataset, tmp_path):
    source = provenance()
    assert {"ntadyn_version", "versions", "device", "dtype", "command", "created"} <= set(source)
    assert source["dtype"] == "float64"
    assert "jax=" in source["versions"]
    back = read_dataset(write_dataset(dataset.assign_attrs(source), Path(tmp_path) / "result.nc"))
    assert {name: back.attrs[name] for name in source} == source
