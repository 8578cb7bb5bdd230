"""Compute the stored references, or some of them again.

    python -m tests.battery.make_references [--count 500] [--check N]

Takes a quarter of an hour of one core. `--check` computes N of the stored ones, evenly spread, and says how far they
are from what is stored; the exit code is 1 if one is further than what references are trusted to.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np

PROCESSES = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.battery.make_references", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="how many references to make")
    parser.add_argument("--check", type=int, metavar="N", help="compute N stored ones again and write nothing")
    options = parser.parse_args(arguments)
    if (options.count if options.check is None else options.check) < 1:
        parser.error("the number of references must be at least 1.")
    return make(options.count) if options.check is None else check(options.check)


def make(count: int) -> int:
    """Solve problems 0, 1, ... until `count` of them are solved, and store them."""
    from tests.battery import references

    start = time.monotonic()
    solved, left_out = [], {}
    for seed, outcome in _solved(count + count // 4):
        if isinstance(outcome, str):
            left_out[seed] = outcome
        else:
            solved.append(outcome)
        if sys.stderr.isatty() or len(solved) % 25 == 0:
            print(f"{len(solved)} of {count}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        if len(solved) == count:
            break
    if len(solved) < count:
        print(f"only {len(solved)} of {len(solved) + len(left_out)} problems could be solved: {left_out}")
        return 1
    references.save(solved, left_out)
    print(f"{references.FILE}: {count} references, {len(left_out)} problems left out")
    for seed, reason in left_out.items():
        print(f"  {seed}: {reason}")
    return 0


def check(count: int) -> int:
    """Solve `count` stored problems again, and compare."""
    from tests.battery import references

    stored = references.load()
    chosen = [stored[index] for index in np.unique(np.linspace(0, len(stored) - 1, count).astype(int))]
    worst = 0.0
    for reference in chosen:
        again = references.compute(reference.seed)
        pairs = (again.gates, reference.gates), (again.total_map, reference.total_map)
        distance = max(float(np.max(np.abs(first - second))) for first, second in pairs)
        worst = max(worst, distance)
        print(f"{reference.seed}: {distance:.1e}")
    print(f"{len(chosen)} references, largest distance {worst:.1e}")
    return int(worst > references.CONVERGED)


def _solved(most: int) -> Iterator[tuple[int, object]]:
    """Problems from 0 on, in order, each with its reference or the reason why it has none."""
    # One thread per process, before NumPy is loaded in it: these matrices are small.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    with multiprocessing.get_context("spawn").Pool(PROCESSES, initializer=os.nice, initargs=(10,)) as pool:
        yield from pool.imap(_solve, range(most))


def _solve(seed: int) -> tuple[int, object]:
    from tests.battery import filippov, references

    try:
        return seed, references.compute(seed)
    except filippov.NotSolved as reason:
        return seed, str(reason)


if __name__ == "__main__":
    sys.exit(main())
