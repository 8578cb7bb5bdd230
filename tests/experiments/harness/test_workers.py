import os
import subprocess
import sys
from pathlib import Path

import pytest

import experiments
from tests.processes import is_running, until

ROOT = Path(experiments.__file__).parents[1]

# A process that is started afresh imports the script that was run, and finds its functions there.
SCRIPT = """
import os, sys, time
from contextlib import closing
from pathlib import Path
from experiments.harness.workers import in_processes

def work(job):
    if job == "killed":
        os.kill(os.getpid(), 9)
    if job == "waits":
        Path("process").write_text(str(os.getpid()))
        time.sleep(600)
    return {"well": True, "not well": False}[job]

if __name__ == "__main__":
    workers, jobs = int(sys.argv[1]), sys.argv[2:]
    with closing(in_processes(work, jobs, workers)) as events:
        for job, code in events:
            print(job, code, sep=":", flush=True)
            if (job, code) == ("well", 0) and "waits" in jobs and workers == 3:
                break
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def start(script: Path, *arguments: str) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen([sys.executable, script, *arguments], cwd=script.parent, env=environment, **pipes)


def test_every_job_runs_whatever_happens_to_the_others(script):
    events = start(script, "2", "not well", "killed", "raises", "well").communicate()[0].split()
    events = " ".join(events).replace("not well", "not_well").split()
    assert {event for event in events if not event.endswith("None")} == {
        "not_well:1",
        "killed:-9",
        "raises:1",
        "well:0",
    }
    began = [event.removesuffix(":None") for event in events if event.endswith("None")]
    assert began == ["not_well", "killed", "raises", "well"]
    at_once = 0
    for event in events:
        at_once += 1 if event.endswith("None") else -1
        assert at_once <= 2


# Jobs are letters; those that share a capital one need the same thing.
NEEDS = """
import sys, time
from contextlib import closing
from experiments.harness.workers import in_processes

def work(job):
    time.sleep(0.3)
    return True

def needs(job):
    return frozenset(letter for letter in job if letter.isupper())

if __name__ == "__main__":
    for job, code in in_processes(work, sys.argv[1:], 2, needs):
        print(job, code, sep=":", flush=True)
"""


def test_jobs_that_need_the_same_wait_for_the_one_that_makes_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(NEEDS)
    events = start(script, "Ma", "Mb", "c", "Md").communicate()[0].split()
    running, together = set(), []
    for event in events:
        job, _, code = event.partition(":")
        if code == "None":
            together += [{job, other} for other in running]
            running.add(job)
        else:
            running.remove(job)
    assert events[:2] == ["Ma:None", "c:None"]
    assert not any("Ma" in pair and pair & {"Mb", "Md"} for pair in together)
    # What Ma made is there, so that these two need not wait for each other.
    assert {"Mb", "Md"} in together


def test_whoever_stops_listening_leaves_nothing_behind(script):
    process = start(script, "3", "waits", "well")
    assert process.communicate()[0].split()[-1] == "well:0"
    assert process.returncode == 0
    number = script.parent / "process"
    assert not number.is_file() or not is_running(int(number.read_text()))


def test_workers_end_with_the_process_that_started_them(script):
    number = script.parent / "process"
    with start(script, "2", "waits", "well") as process:
        until(lambda: number.is_file() and number.read_text())
        process.kill()
    until(lambda: not is_running(int(number.read_text())))
