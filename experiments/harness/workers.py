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


def in_processes(
    work: Callable[[Job], bool],
    jobs: Sequence[Job],
    workers: int,
    needs: Callable[[Job], frozenset[str]] = lambda job: frozenset(),
) -> Generator[tuple[Job, int | None]]:
    """Do jobs, at most `workers` at a time, in the given order.

    Of two jobs that need the same thing, which either of them would make, the second one begins when the first has
    ended; those behind it may begin before.

    A process serves one job, so that what it held is given back, and one that is killed takes no other with it. When
    this generator is closed or its process dies, all end.

    Args:
        work: done in a process that was started afresh; importable, as are its arguments.
        jobs: its arguments, one process each.
        workers: the number of processes at a time.
        needs: names of what a job makes if it is not there.

    Yields:
        (job, None) when it begins; (job, exit code) when it has ended: 0 if `work` returned True, 1 if it did not,
        minus the number of the signal that killed it.
    """
    # Forking a process in which JAX has started threads can lock up.
    context = multiprocessing.get_context("spawn")
    waiting, running, made = list(jobs), {}, set()

    def next_one() -> int | None:
        """The place of the first job that needs nothing that is being made."""
        in_the_making = frozenset[str]().union(*(needs(job) for _, job in running.values())) - made
        return next((place for place, job in enumerate(waiting) if not needs(job) & in_the_making), None)

    try:
        while waiting or running:
            while len(running) < workers and (place := next_one()) is not None:
                job = waiting.pop(place)
                process = context.Process(target=_serve, args=(work, job))
                process.start()
                running[process.sentinel] = (process, job)
                yield job, None
            for sentinel in connection.wait(list(running)):
                process, job = running.pop(sentinel)
                process.join()
                if process.exitcode == 0:
                    made |= needs(job)
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
