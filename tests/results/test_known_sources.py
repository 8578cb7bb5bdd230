"""What was found in sources is found again by their content, and only where programs are kept."""

import pytest

from ntadyn import compilation_cache
from ntadyn.results import known_sources

FOUND = ("digest", ("jax", "ntadyn.tasks"))


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(compilation_cache, "_kept_in", [tmp_path])
    forget(monkeypatch)
    return tmp_path


def forget(monkeypatch):
    monkeypatch.setattr(known_sources, "_known", {})
    monkeypatch.setattr(known_sources, "_written", {})


def never(content):
    pytest.fail("read again")


def test_the_same_content_is_read_once(folder, monkeypatch):
    assert known_sources.known_or(lambda content: FOUND, b"import jax", "1") == FOUND
    known_sources.keep()
    forget(monkeypatch)  # as a new process has
    assert known_sources.known_or(never, b"import jax", "1") == FOUND
    other = ("other", ())
    assert known_sources.known_or(lambda content: other, b"import jax ", "1") == other
    assert known_sources.known_or(lambda content: other, b"import jax", "2") == other
    assert [path.name for path in folder.iterdir()] == [known_sources.NAME]


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '{"key": 3}', '{"key": ["digest"]}'])
def test_a_damaged_file_is_written_anew(damage, folder, monkeypatch):
    (folder / known_sources.NAME).write_text(damage)
    assert known_sources.known_or(lambda content: FOUND, b"import jax", "1") == FOUND
    known_sources.keep()
    forget(monkeypatch)
    assert known_sources.known_or(never, b"import jax", "1") == FOUND


def test_nothing_is_written_where_nothing_is_kept(folder, monkeypatch):
    monkeypatch.setattr(compilation_cache, "_kept_in", [])
    assert known_sources.known_or(lambda content: FOUND, b"import jax", "1") == FOUND
    known_sources.keep()
    assert list(folder.iterdir()) == []
