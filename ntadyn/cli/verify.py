"""ntadyn verify (written by another hand)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verify:
    """Verify."""

    out: Path = Path("verification")
