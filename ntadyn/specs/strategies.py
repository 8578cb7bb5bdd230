"""Strategies against forgetting as plain values: the language of presets, sweeps and the arena.

Each is a dataclass of the parameters of one class of `ntadyn.continual`, which says what they mean. Nothing here
imports JAX.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntadyn.continual import AbstractStrategy


@dataclass(frozen=True)
class FineTuning:
    """Nothing is done about forgetting."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.FineTuning()


@dataclass(frozen=True)
class EWC:
    """Weights are held where earlier tasks need them."""

    strength: float = 1.0
    """mu; with losses that are means, the data of the old tasks over those of the new one."""
    retention: float | None = None
    """gamma of online EWC, whose anchors fade; none keeps every anchor as it was."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.ElasticWeightConsolidation(self.strength, self.retention)
