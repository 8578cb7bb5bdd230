"""The compiled programs of sweeps in one process, and how long it waits for them."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from ntadyn.sweeps.kept_executables import Executable, executable


class Stopwatch:
    """How long something went on in any thread; what goes on in several threads at once counts once.

    Attributes:
        seconds: what has been counted.
    """

    def __init__(self):
        self.seconds = 0.0
        self._running, self._since = 0, 0.0
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what happens inside."""
        with self._lock:
            if self._running == 0:
                self._since = time.perf_counter()
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if self._running == 0:
                    self.seconds += time.perf_counter() - self._since


class Programs:
    """Compiled programs, each made once, whichever thread needs it first."""

    def __init__(self):
        self._compiling = Stopwatch()
        self._compiled: dict[Hashable, Executable] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._compiled)

    @property
    def compile_seconds(self) -> float:
        """How long some thread was compiling, or loading what was kept."""
        return self._compiling.seconds

    def get(
        self,
        key: Hashable,
        program: Callable[[], Executable],
        arguments: tuple,
        identity: Callable[[], Any] = lambda: None,
    ) -> Executable:
        """The compiled program under a key, compiled for these arguments if it is new; other threads wait for it.

        Args:
            key: of the program in this process.
            program: makes it.
            arguments: what it is called with.
            identity: tells all that it is made of, to find it among the executables that are kept; None if that is not
                known.
        """
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._compiled:
                with self._compiling.running():
                    self._compiled[key] = executable(program, arguments, identity())
            return self._compiled[key]
