"""Which process works on what: locks that end with the process that holds them, however it ends."""

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Claims:
    """Numbered pieces of work, each held by at most one process.

    A claim is a lock on one byte of a file that all processes can reach. The operating system drops it when its process
    dies, so that no claim can outlive its owner. Claims exclude other processes only, and nothing within one process. A
    file system without locks, or a file without write permission, grants every claim: work is then done twice, which
    costs time but does no harm.

    Args:
        path: a file that exists and is never replaced; nothing is written to it. A process that opens and closes it in
            another way loses its claims.
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
            Whether this process now holds it; False if another process does.
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
        """Give up a claim; without effect if this process does not hold it.

        Args:
            index: the number of the piece of work.
        """
        if self._handle is not None:
            with suppress(OSError):
                fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, index)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep all other processes out of this block for the same folder, if the file system has locks.

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
