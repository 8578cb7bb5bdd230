"""ntadyn bench: how fast this machine is."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say

MOST_SIZE, MOST_WORKERS = 2048, 4096


@dataclass(frozen=True)
class Bench:
    """Measure this machine: trajectories per second in both precisions, and their errors.

    Runs the gate-speed map of figure 5, the published algorithm for comparison, and a matrix product for the peak. It
    takes less than a minute, during which nothing else should run.
    """

    size: int = 128
    """Rows and columns of the map; 128 makes 163,840 trajectories in each precision."""
    workers: int = 2
    """Tiles that run at the same time on a device."""
    json: bool = False
    """Print JSON instead of a table."""

    def run(self) -> int:
        """Measure and print."""
        if not 2 <= self.size <= MOST_SIZE or not 1 <= self.workers <= MOST_WORKERS:
            raise ValueError(
                f"size is {self.size} and workers is {self.workers}; allowed are 2 to {MOST_SIZE:,} and 1 to "
                f"{MOST_WORKERS:,}."
            )
        say(f"bench: {self.size} x {self.size} cells in both precisions, and the published algorithm")

        wake_jax()

        from tqdm import tqdm

        from ntadyn.verification.benchmark import measure

        with ExitStack() as bars:

            def report(what: str, total: int) -> Callable[[int], Any]:
                bars.close()
                return bars.enter_context(tqdm(total=total, desc=what, unit_scale=True)).update

            found = measure(self.size, self.workers, report)
        if self.json:
            print(json.dumps(found.as_record(), indent=2))
            return 0
        print(found.table())
        print()
        print(", ".join(f"{name}: {value}" for name, value in found.machine.items()))
        return 0
