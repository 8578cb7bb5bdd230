"""How far a list of jobs has come, told while they run: a line on a terminal, now and then a line in a log."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

_CLEAR = "\r\x1b[2K"
_EVERY_SECONDS = {True: 1.0, False: 30.0}  # on a terminal, and elsewhere


def say(text: str) -> None:
    """Print lines, over the line that tells how far everything is."""
    print((_CLEAR if sys.stderr.isatty() else "") + text, flush=True)


class Progress:
    """Which jobs run, how many have ended, and how long the others will take.

    Args:
        expected: name of a job -> how many seconds it took the last time, None where that is not known.
        workers: how many run at a time.
    """

    def __init__(self, expected: Mapping[str, float | None], workers: int):
        self._expected = dict(expected)
        self._waiting = set(expected)
        self._workers = workers
        self._running: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._lock = threading.Lock()

    def began(self, name: str) -> None:
        """A job has begun."""
        with self._lock:
            self._waiting.discard(name)
            self._running[name] = time.monotonic()

    def ended(self, name: str) -> None:
        """A job has ended, however."""
        with self._lock:
            self._took[name] = time.monotonic() - self._running.pop(name)

    def left(self) -> float | None:
        """Seconds until all have ended, by how long they took before; None as long as nothing is known.

        A job of which nothing is known is taken for one like those that are known.
        """
        with self._lock:
            now = time.monotonic()
            known = [self._took.get(name, seconds) for name, seconds in self._expected.items()]
            known = [seconds for seconds in known if seconds is not None]
            if not known:
                return None
            usual = sum(known) / len(known)
            whole = {name: usual if seconds is None else seconds for name, seconds in self._expected.items()}
            running = [max(whole[name] - (now - begin), 0.0) for name, begin in self._running.items()]
            waiting = [whole[name] for name in self._waiting]
            return max(sum(running + waiting) / self._workers, *running, *waiting, 0.0)

    def line(self) -> str:
        """All of this in one line."""
        left = self.left()
        with self._lock:
            now = time.monotonic()
            running = ", ".join(f"{name} ({now - begin:.0f} s)" for name, begin in self._running.items())
            done = f"{len(self._took)} of {len(self._expected)} done"
        # Those that run take longer than they did where nothing is left.
        then = f"about {duration(left)} left" if left else "time left not known"
        return "; ".join(part for part in (done, f"running {running}" if running else "", then) if part)

    @contextmanager
    def shown(self, stream: TextIO | None = None) -> Iterator[None]:
        """Tell it while a block runs, each second on a terminal and every half a minute elsewhere.

        Args:
            stream: where to; standard error if omitted.
        """
        target = sys.stderr if stream is None else stream
        live, over = target.isatty(), threading.Event()

        def tell() -> None:
            while not over.wait(_EVERY_SECONDS[live]):
                target.write(f"{_CLEAR}{self.line()[:110]}\r" if live else f"{self.line()}\n")
                target.flush()

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            if live:
                target.write(_CLEAR)
                target.flush()


def duration(seconds: float) -> str:
    """Seconds, or minutes where those are many."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
