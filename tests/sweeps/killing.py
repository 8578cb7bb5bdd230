"""Kill a program at random moments and start it again, as nights on shared machines do.

With a real sweep:

    command = [sys.executable, "-m", "ntadyn", "phase-diagram", "--preset", "small", "--out", str(folder)]
    hits = kill_and_resume(lambda: spawn(command), shards_folder, kills=20, rng=np.random.default_rng(0), within=2.0)
    assert hits == 20

and compare what is in the folder with an uninterrupted run. `within` is about the time that one start may work before
it is killed; the work must take longer than `kills * within` altogether, or the last kills come too late.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

PATIENCE = 120.0


def spawn(command: Sequence[str]) -> int:
    """Start a command as a child process and return its process id; output goes where that of this process goes."""
    return os.posix_spawn(command[0], list(command), os.environ)


def kill_and_resume(
    start: Callable[[], int],
    folder: Path,
    kills: int,
    rng: np.random.Generator,
    within: float,
    preparing: float | None = None,
) -> int:
    """Start, kill with SIGKILL, start again, ...; the last start is left to finish.

    A quarter of the kills hit at a random moment after the start, while the program still imports, opens the folder or
    compiles; the others at a random moment after it first changed the folder, while it computes, writes or merges.

    Args:
        start: starts the program as a child of this process and returns its process id.
        folder: where it writes.
        kills: number of kills.
        rng: chooses the moments.
        within: longest time in seconds between the first change and the kill.
        preparing: the same between the start and the kill; `within` if omitted.

    Returns:
        How many kills hit a program that was still running; the others came after it had finished.

    Raises:
        RuntimeError: if the program fails by itself.
    """
    hits = 0
    for _ in range(kills):
        before = _state(folder)
        process = start()
        ended, longest = False, within if preparing is None else preparing
        if rng.random() > 0.25:
            ended, longest = _wait(process, PATIENCE, lambda before=before: _state(folder) != before), within
        ended = ended or _wait(process, rng.uniform(0, longest), lambda: False)
        if not ended:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            hits += 1
    if not _wait(start(), 10 * PATIENCE, lambda: False):
        raise RuntimeError("the program did not finish after the last kill.")
    return hits


def _state(folder: Path) -> int:
    return folder.stat().st_mtime_ns if folder.exists() else 0


def _wait(process: int, seconds: float, done: Callable[[], bool]) -> bool:
    """Wait until something is done, the time is over, or the process has ended; whether it has."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not done():
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            if status:
                raise RuntimeError(f"the program failed by itself with exit code {os.waitstatus_to_exitcode(status)}.")
            return True
        time.sleep(0.0005)
    return False
