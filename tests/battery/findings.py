"""What a part of the battery found."""

import dataclasses
import time
from collections.abc import Callable


@dataclasses.dataclass
class Findings:
    """How many things were tried, what was seen, and what went wrong; a part that found nothing wrong has passed.

    Attributes:
        tried: how many.
        facts: figures to print.
        faults: what went wrong, one line each: uncaught errors, wrong numbers, lost results.
    """

    tried: int = 0
    facts: list[str] = dataclasses.field(default_factory=list)
    faults: list[str] = dataclasses.field(default_factory=list)

    def fault(self, what: str) -> None:
        """Note a fault, on one line."""
        self.faults.append(" ".join(what.split())[:500])

    def __str__(self) -> str:
        return "; ".join([f"{self.tried} tried", *self.facts, f"{len(self.faults)} faults"])


class Reminder:
    """Says on the error output how far a part has come, every quarter of a minute."""

    def __init__(self, name: str, total: int, write: Callable[[str], None]):
        self.name, self.total, self.write, self.last = name, total, write, time.monotonic()

    def tell(self, done: int) -> None:
        if time.monotonic() - self.last > 15:
            self.last = time.monotonic()
            self.write(f"{self.name}: {done} of {self.total}")


def forget_programs() -> None:
    """Throw away what was compiled: a process may hold only so many programs (Linux counts the maps of its memory)."""
    import jax

    jax.clear_caches()
