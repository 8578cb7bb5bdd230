import io
import time

import pytest

from experiments.harness import progress as module
from experiments.harness.progress import Progress, duration


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_time_left_is_what_the_others_took_before(clock):
    progress = Progress({"a": 10.0, "b": 30.0, "c": 20.0}, workers=2)
    assert progress.left() == 30.0
    progress.began("b")
    progress.began("c")
    clock[0] = 5.0
    assert progress.left() == (25 + 15 + 10) / 2
    clock[0] = 20.0
    progress.ended("c")
    progress.began("a")
    assert progress.left() == 10.0
    assert progress.line() == "1 of 3 done; running b (20 s), a (0 s); about 10 s left"


def test_a_job_that_takes_longer_than_before_does_not_make_others_shorter(clock):
    progress = Progress({"a": 10.0, "b": 30.0}, workers=1)
    progress.began("a")
    clock[0] = 50.0
    assert progress.left() == 30.0


def test_unknown_jobs_are_taken_for_usual_ones(clock):
    progress = Progress({"a": None, "b": None, "c": None}, workers=1)
    assert progress.left() is None
    progress.began("a")
    assert progress.line() == "0 of 3 done; running a (0 s); time left not known"
    clock[0] = 8.0
    progress.ended("a")
    assert progress.left() == 16.0


def test_nothing_is_promised_of_a_job_that_takes_longer_than_before(clock):
    progress = Progress({"a": 10.0}, workers=1)
    progress.began("a")
    clock[0] = 11.0
    assert progress.line() == "0 of 1 done; running a (11 s); time left not known"


def test_durations():
    assert [duration(seconds) for seconds in (4.4, 99, 100, 1200)] == ["4 s", "99 s", "2 min", "20 min"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_it_is_told_while_a_block_runs_and_not_after(stream, monkeypatch):
    monkeypatch.setattr(module, "_EVERY_SECONDS", {True: 0.01, False: 0.01})
    progress = Progress({"a": 10.0}, workers=1)
    with progress.shown(stream):
        progress.began("a")
        end = time.monotonic() + 60
        while "running a" not in stream.getvalue():
            assert time.monotonic() < end
            time.sleep(0.01)
    told = stream.getvalue()
    assert told.endswith("\x1b[2K" if stream.isatty() else "left\n")
    time.sleep(0.05)
    assert stream.getvalue() == told
