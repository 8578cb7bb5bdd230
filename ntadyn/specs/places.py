"""Where in a simulation degeneracy is measured, and of which loss. Nothing here imports JAX."""

import enum
from dataclasses import dataclass

# What a curve over inverse temperatures is made at.
TEMPERATURES = (1e2, 1e3, 1e4, 1e5)


class Measured(enum.Enum):
    """The loss whose coefficient is measured."""

    BEHAVIOURAL = "behavioural"
    """How differently all tasks are done than at the point itself."""
    TRAINING = "training"
    """How badly all tasks are done, with penalties; at points that are no minimum this is refused."""


@dataclass(frozen=True)
class Places:
    """Where and how often is measured.

    Attributes:
        seeds: repetitions.
        blocks: counted from 1, at whose ends; when omitted 1, 2, 4, 8, ... and the last.
        temperatures: inverse ones, of the curve at the end of the last block.
        loss: what is measured.
    """

    seeds: int = 1
    blocks: tuple[int, ...] | None = None
    temperatures: tuple[float, ...] = TEMPERATURES
    loss: Measured = Measured.BEHAVIOURAL
