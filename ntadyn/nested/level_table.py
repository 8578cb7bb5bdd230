"""Which levels a learner has: what moves how often, how fast, and from what it learns.

Two questions are easily taken for one. The *update frequency* of a level says how often it moves, and with that how old
the gradients are that it follows. Its *effective rate* says how far it goes in a unit of time. A level that moves every
64 steps by the sum of 64 gradients has the rate of one that moves at every step.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ntadyn.results.text import columns_of


@dataclass(frozen=True, order=True)
class Frequency:
    """How often a level moves.

    Attributes:
        per_data_point: moves per data point; infinite for a flow.
        per_block: moves per block, where moves do not depend on the number of data points.
    """

    per_data_point: float = 0.0
    per_block: float = 0.0

    def __str__(self) -> str:
        if math.isinf(self.per_data_point):
            return "inf"
        if self.per_data_point > 0:
            each = 1 / self.per_data_point
            return "1" if each == 1 else f"1/{each:g}"
        return f"{self.per_block:g} per block" if self.per_block else "0"


ALWAYS, PER_BLOCK, NEVER = Frequency(math.inf), Frequency(per_block=1.0), Frequency()


@dataclass(frozen=True)
class LevelRow:
    """One level of a learner.

    Attributes:
        name: of the level.
        size: how many numbers it holds.
        frequency: how often it moves.
        rate: 1/tau, per unit of time of the stream; not a number where it has none.
        needs: names of levels whose state after a move this level needs for the same move.
        context: what it learns from.
        rank: 1 for the fastest; see `ranked`.
    """

    name: str
    size: int
    frequency: Frequency
    rate: float = math.nan
    needs: tuple[str, ...] = ()
    context: str = ""
    rank: int = 0


def ranked(rows: Iterable[LevelRow]) -> tuple[LevelRow, ...]:
    """Rows from the fastest to the slowest, with their ranks.

    A level is faster than another if it moves more often, or as often and the other needs its state for the same move.
    Of levels that flow, which all move as often, the one with the larger rate is faster. Levels that nothing tells
    apart share a rank.

    Args:
        rows: of one learner.

    Raises:
        ValueError: if levels need each other in a circle, or one that does not exist.
    """
    rows = list(rows)
    names = {row.name: row for row in rows}
    unknown = [name for row in rows for name in row.needs if name not in names]
    if unknown:
        raise ValueError(f"levels {', '.join(unknown)} are needed, but there are only {', '.join(names)}.")

    def depth(row: LevelRow, above: tuple[str, ...] = ()) -> int:
        """The length of the longest chain of equally frequent levels that a level needs."""
        if row.name in above:
            raise ValueError(f"levels {' -> '.join((*above, row.name))} need each other for one and the same move.")
        needed = [names[name] for name in row.needs if names[name].frequency == row.frequency]
        return 1 + max((depth(other, (*above, row.name)) for other in needed), default=-1)

    def speed(row: LevelRow) -> tuple[Any, ...]:
        # Levels in steps of one length are told apart by what they need alone, flows by their rates alone.
        flows = row.frequency == ALWAYS
        return (row.frequency, row.rate if flows and not math.isnan(row.rate) else 0.0, -depth(row))

    speeds = sorted({speed(row) for row in rows}, reverse=True)
    return tuple(replace(row, rank=1 + speeds.index(speed(row))) for row in sorted(rows, key=speed, reverse=True))


def level_table(rows: Iterable[LevelRow]) -> list[str]:
    """The lines of a table with one row per level, the fastest first.

    Args:
        rows: of one learner, see `levels_of`.
    """
    heading = ("rank", "level", "numbers", "moves per data point", "rate", "needs", "learns from")
    lines = [
        (
            str(row.rank),
            row.name,
            str(row.size),
            str(row.frequency),
            "-" if math.isnan(row.rate) else f"{row.rate:.3g}",
            ", ".join(row.needs) or "-",
            row.context or "-",
        )
        for row in ranked(rows)
    ]
    return columns_of([heading, *lines], indent="")
