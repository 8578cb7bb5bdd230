"""Where compiled programs are kept, when they are not, and that a damaged, crowded or shared folder stops nothing."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import jax
import pytest

import ntadyn
from ntadyn import compilation_cache
from ntadyn.compilation_cache import cache_folder, keep_programs, processor, tidy

# Runs two programs, and says how many of them it found and how many it compiled.
RUN = """
import collections
import jax, ntadyn
counted = collections.Counter()
jax.monitoring.register_event_listener(lambda name, **_: counted.update([name.rpartition("/")[2]]))
ntadyn.keep_programs()
result = jax.jit(lambda x: x + 1)(1.0) + jax.jit(lambda x: x * 3)(2.0)
print(counted["cache_hits"], counted["cache_misses"], result)
"""


def started(cache, **environment):
    own = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_COMP", "JAX_PERSISTENT"))}
    own |= {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1]), "XDG_CACHE_HOME": str(cache)} | environment
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", RUN], env=own, **pipes)


def said(process):
    printed, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    assert errors == ""
    return printed.split()


def programs(cache):
    return sorted(cache.glob("ntadyn/*/*-cache"))


@pytest.fixture
def nothing_chosen(monkeypatch, tmp_path):
    """This process, as if nobody had said where programs are kept; the cache folder of its user."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs", "jax_enable_compilation_cache")
    before = {name: jax.config.values[name] for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(compilation_cache, "_kept_in", [])
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.parametrize(
    ("system", "variables", "place"),
    [
        ("linux", {"XDG_CACHE_HOME": "{home}/there", "HOME": "{home}"}, "there/ntadyn"),
        ("linux", {"XDG_CACHE_HOME": "relative", "HOME": "{home}"}, ".cache/ntadyn"),
        ("linux", {"HOME": "{home}"}, ".cache/ntadyn"),
        ("linux", {"HOME": "{home}/missing"}, None),
        ("linux", {"HOME": ""}, None),
        ("linux", {}, None),
        ("darwin", {"XDG_CACHE_HOME": "{home}/there", "HOME": "{home}"}, "Library/Caches/ntadyn"),
        ("win32", {"LOCALAPPDATA": "{home}", "HOME": "{home}/other"}, "ntadyn"),
        ("win32", {"HOME": "{home}"}, None),
    ],
)
def test_the_folder_is_that_of_the_operating_system(system, variables, place, tmp_path):
    variables = {name: value.format(home=tmp_path) for name, value in variables.items()}
    assert cache_folder(variables, system) == (None if place is None else tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def test_programs_are_kept_by_version_and_processor(nothing_chosen):
    folder = keep_programs()
    assert folder == nothing_chosen / "ntadyn" / f"jax-{jax.__version__}-{processor()}"
    assert jax.config.values["jax_compilation_cache_dir"] == str(folder)
    assert compilation_cache.kept_in() == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert keep_programs() == folder


def test_what_the_user_says_is_kept(nothing_chosen):
    jax.config.update("jax_enable_compilation_cache", False)
    assert keep_programs() is None
    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_compilation_cache_dir", "/somewhere/else")
    assert keep_programs() == Path("/somewhere/else")
    assert jax.config.values["jax_compilation_cache_dir"] == "/somewhere/else"
    assert compilation_cache.kept_in() is None
    assert list(nothing_chosen.iterdir()) == []


def test_without_a_place_of_ones_own_nothing_is_kept(nothing_chosen, monkeypatch):
    (nothing_chosen / "ntadyn").write_text("a file where the folder should be")
    assert keep_programs() is None
    (nothing_chosen / "ntadyn").unlink()
    (nothing_chosen / "ntadyn").mkdir()
    (nothing_chosen / "ntadyn").chmod(0o777)  # where anybody could put a program
    assert keep_programs() is None
    (nothing_chosen / "ntadyn").chmod(0o700)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as on a disk that may only be read
    assert keep_programs() is None
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    assert keep_programs() is None
    assert jax.config.values["jax_compilation_cache_dir"] is None


@pytest.mark.slow
def test_two_processes_fill_a_folder_and_a_third_compiles_nothing(tmp_path):
    both = [started(tmp_path), started(tmp_path)]
    assert {said(process)[2] for process in both} == {"8.0"}
    made = programs(tmp_path)
    assert len(made) >= 3  # two programs, and their sum
    assert said(started(tmp_path)) == [str(len(made)), "0", "8.0"]
    assert programs(tmp_path) == made
    # Cut short, as by a full disk: compiled again, without a word, and whole at the end.
    for path in made:
        path.write_bytes(path.read_bytes()[:50])
    assert said(started(tmp_path)) == ["0", str(len(made)), "8.0"]
    assert said(started(tmp_path)) == [str(len(made)), "0", "8.0"]


def test_those_that_were_not_used_for_longest_go(tmp_path):
    folder = tmp_path / "jax-1-machine"
    folder.mkdir()
    for age, name in enumerate(("d", "c", "b", "a")):
        path = folder / f"{name}-cache"
        path.write_bytes(zlib.compress(os.urandom(1000)))
        os.utime(path, (1e9 - age, 1e9 - age))
    (folder / "sources.json").write_text("{}")
    tidy(tmp_path, most_bytes=10_000)
    assert len(list(folder.iterdir())) == 5
    tidy(tmp_path, most_bytes=2500)
    assert sorted(path.name for path in folder.iterdir()) == ["c-cache", "d-cache", "sources.json"]
