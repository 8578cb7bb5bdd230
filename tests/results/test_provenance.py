import os
import shutil
import subprocess
import sys

import pytest

from ntadyn.results.provenance import command_line, provenance
from ntadyn.results.storage import read_dataset, write_dataset
from tests.hostile_files.good import good_sweep

ARGUMENTS = [
    b"plain",
    b"",
    b"two words",
    b"it's",
    b'"quoted"',
    b"-dash",
    b"$HOME `id` $(id) \\ * ? ~ # ! ; & | < >",
    b"line\nbreak\r\t",
    b"\xff\xfe not text",
    b"\xffabc0",
    "λ é 教師".encode(),
    b"\x1b[31m red",
    "\u202e\u200b\u2028".encode(),
    b"quote ' and \\ and \n",
]


def test_a_stored_command_can_be_run_again_with_the_same_bytes():
    command = command_line(["ntadyn", *map(os.fsdecode, ARGUMENTS)])
    assert command.isprintable()
    command.encode("utf-8")
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash here")
    script = f"ntadyn() {{ printf '%s\\0' \"$@\"; }}; {command}"
    done = subprocess.run([shell, "-c", script], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == ARGUMENTS


def test_plain_commands_stay_as_they_were_typed():
    assert command_line(["ntadyn", "simulate", "--out", "a b"]) == "ntadyn simulate --out 'a b'"
    assert command_line(["/x/ntadyn/__main__.py", "simulate"]) == "python -m ntadyn simulate"
    assert command_line([]) == "''"


def test_provenance_can_be_stored_whatever_the_arguments_are(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ntadyn", *map(os.fsdecode, ARGUMENTS)])
    source = provenance()
    assert {"ntadyn_version", "versions", "device", "dtype", "command", "created"} <= set(source)
    assert source["dtype"] == "float64"
    assert "jax=" in source["versions"]
    back = read_dataset(write_dataset(good_sweep().assign_attrs(source), tmp_path / "result.nc"))
    assert {name: back.attrs[name] for name in source} == source
