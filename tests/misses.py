"""Rows that are outside their tolerance, and those that are stated to be."""

from collections.abc import Sequence

from experiments.harness.acceptance import Acceptance, Verdict
from experiments.harness.verdicts import text_of


def outside(rows: Sequence[Acceptance]) -> list[str]:
    """Names of the rows outside their tolerance, in order."""
    return [row.name for row in rows if row.verdict is Verdict.OUTSIDE]


def stated(name: str, fast: bool = False) -> list[str]:
    """Names of the rows that the text about an experiment states to miss, in order."""
    text = text_of(name)
    assert text is not None
    return list(text.misses(fast))
