"""`ntadyn show` and files that anybody may have made: each is shown, or refused in one sentence.

The battery hands them to the command, with bounds on time and memory.
"""

import pytest

from ntadyn.cli import main
from ntadyn.results import hdf5_examination, untrusted
from tests.hostile_files import DANGEROUS, KINDS, PLAIN, SECRET


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
    # A dangerous file is bound in memory and in time; on a busy machine the second bound may come first.
    assert kind.refused in error or (kind.name in DANGEROUS and "in time" in error)


@pytest.mark.representatives(24)
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


@pytest.mark.representatives(3)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name in PLAIN], ids=lambda kind: kind.name)
def test_plain_data_sets_are_drawn_as_far_as_they_go(kind, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(untrusted, "_examine", examine_here)
    with pytest.raises(SystemExit) as end:
        main(["show", str(kind.make(tmp_path)), "--plot", str(tmp_path / "picture.png")])
    out, error = capsys.readouterr()
    check(kind, True, end.value.code, out, error)
    assert (tmp_path / "picture.png").exists() != ("nothing of it has a shape that can be drawn" in out)


def test_there_are_many_kinds_each_with_its_name():
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 130
    assert 30 <= sum(kind.refused is None for kind in KINDS) <= len(KINDS) - 80
