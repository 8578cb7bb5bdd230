"""Which process works on what: locks that end with the process that holds them, however it ends."""

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Claims:
    """Numbered pieces of work, each held by at most one process.

    A claim is a lock on one byte of a file that all processes can reach: the system drops it when its process dies, so
    that no claim can outlive its owner. Claims are between processes; within one process they exclude nothing. A file
    system without locks, or a file that may not be written, grants every claim: work is then done twice, which costs
    time but no correctness.

    Args:
        path: a file that exists and is never replaced; nothing is written to it. A process that opens and closes it by
            other means gives up its claims.
    """

    def __init__(self, path: Path):
        self._handle = None
        with suppress(PermissionError):
            self._handle = os.open(path, os.O_RDWR)
            weakref.finalize(self, os.close, self._handle)

    def take(self, index: int) -> bool:
        """Claim a piece of work, without waiting.

        Args:
            index: its number, >= 0.

        Returns:
            Whether it is now this process's; false if another one holds it.
        """
        if self._handle is None:
            return True
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, index)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            return True
        return True

    def release(self, index: int) -> None:
        """Give a claim up; nothing happens if this process does not hold it.

        Args:
            index: the number of the piece of work.
        """
        if self._handle is not None:
            with suppress(OSError):
                fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, index)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep every other process out of the same block on the same folder, where the file system has locks.

    Args:
        folder: any existing folder; nothing is written to it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
