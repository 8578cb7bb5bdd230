"""Several jobs at a time, each in a process of its own."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from multiprocessing import connection
from typing import TypeVar

Job = TypeVar("Job")


def in_processes(work: Callable[[Job], bool], jobs: Sequence[Job], workers: int) -> Generator[tuple[Job, int | None]]:
    """Do jobs, at most `workers` at a time, in the given order.

    A process serves one job, so that what it held is given back, and one that is killed takes no other with it. When
    this generator is closed or its process dies, all end.

    Args:
        work: done in a process that was started afresh; importable, as are its arguments.
        jobs: its arguments, one process each.
        workers: the number of processes at a time.

    Yields:
        (job, None) when it begins; (job, exit code) when it has ended: 0 if `work` returned True, 1 if it did not,
        minus the number of the signal that killed it.
    """
    # Forking a process in which JAX has started threads can lock up.
    context = multiprocessing.get_context("spawn")
    waiting, running = list(jobs), {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.pop(0)
                process = context.Process(target=_serve, args=(work, job))
                process.start()
                running[process.sentinel] = (process, job)
                yield job, None
            for sentinel in connection.wait(list(running)):
                process, job = running.pop(sentinel)
                process.join()
                yield job, process.exitcode
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.join()


def _serve(work: Callable[[Job], bool], job: Job) -> None:
    # The parent decides what an interrupt from the keyboard means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    sys.exit(0 if work(job) else 1)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
