"""Waiting for what other processes do."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def until(condition: Callable[[], object], seconds: float = 300.0) -> None:
    """Return once a condition holds; it is a failure if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """Whether a process goes on, by its number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:
        # One that nobody has waited for yet still has its number.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self").exists()
