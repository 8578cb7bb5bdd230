"""`ntadyn show` and files that anybody may have made: each is shown, or refused in one sentence, at once."""

import resource
import subprocess
import sys
import time

import pytest

from ntadyn import hdf5_examination, untrusted
from ntadyn.cli import main
from tests.hostile_files import DANGEROUS, KINDS, SECRET


def examine_here(content):
    """What a process of its own would say, without the time that it takes to start one."""
    refused = hdf5_examination.refusal(content)
    if refused:
        raise ValueError(refused)


def check(kind, shown, code, out, error):
    assert "Traceback" not in out + error
    assert SECRET not in out + error
    # A terminal obeys nothing but line breaks in it.
    assert all(character.isprintable() for character in (out + error).replace("\n", ""))
    if shown:
        assert (code, error) == (0, "")
        assert out
        return
    assert (code, out) == (2, "")
    assert error.startswith("ntadyn: ")
    assert error.count("\n") == 1
    assert len(error) < 1000
    assert kind.refused in error


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_file_is_printed_or_refused(kind, tmp_path, capsys, monkeypatch):
    if kind.name not in DANGEROUS:
        monkeypatch.setattr(untrusted, "_examine", examine_here)
    path = kind.make(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["show", str(path), "--no-plot"])
    check(kind, kind.printed, end.value.code, *capsys.readouterr())


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.printed and kind.refused is not None], ids=lambda kind: kind.name
)
def test_a_file_that_cannot_be_drawn_is_refused_before_anything_is_printed(kind, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(untrusted, "_examine", examine_here)
    path = kind.make(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["show", str(path)])
    check(kind, False, end.value.code, *capsys.readouterr())
    assert list(tmp_path.iterdir()) == [path]


def test_there_are_many_kinds_each_with_its_name():
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 130
    assert 30 <= sum(kind.refused is None for kind in KINDS) <= len(KINDS) - 80


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_command_shows_or_refuses_with_bounded_time_and_memory(kind, tmp_path):
    path = kind.make(tmp_path)
    before = sorted(item.name for item in tmp_path.iterdir())
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-W", "error", "-m", "ntadyn", "show", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    check(kind, kind.refused is None, done.returncode, done.stdout, done.stderr)
    if kind.refused is not None:
        assert sorted(item.name for item in tmp_path.iterdir()) == before
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    computed = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    # Of these, one to start and two for the six panels of a map.
    assert computed < 8.0, f"{computed:.1f} s of computing, {time.monotonic() - began:.1f} s"
    assert now.ru_maxrss < 700 * 2**10
