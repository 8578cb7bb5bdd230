"""Who takes part in a contest. Nothing here imports JAX."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tuning:
    """A real parameter of a method that is chosen from a grid, on seeds that the contest does not use.

    Attributes:
        path: dotted path of the parameter in the spec, for example "strategy.strength".
        grid: its values, in ascending order.
    """

    path: str
    grid: tuple[float, ...]


@dataclass(frozen=True)
class Entry:
    """One method.

    Attributes:
        name: as tables show it.
        spec: what is run: a spec whose system is a learner of `ntadyn.continual`; all entries have one curriculum.
        tuning: what is chosen from a grid; the row with the value in `spec`, untuned, is shown as well. None for a
            method that is run as it is.
        note: what a reader has to know to compare it, for example that it is told what others have to find out.
    """

    name: str
    spec: Any
    tuning: Tuning | None = None
    note: str = ""
