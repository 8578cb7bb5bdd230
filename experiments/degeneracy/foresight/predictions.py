"""What was expected of foresight, frozen before the full run and not changed by it.

The pilot had 200 networks per cell, too, from seed 1; the full run has seed 0, other initial weights and teachers. All
numbers below were guessed from the pilot, so that they say whether it can be repeated; only what is said of "slower
gates" by sampling was guessed before anything of the kind had been computed. Theory: lambda of the behavioural loss is
D/2 times the rank of the gate table, 100 or 200 here, and D + 1 where the table has rank one and paths differ. It does
not know which of two solutions of rank two is specialised. So it can foretell specialisation only where what decides
is whether gates part at all, which they do late or never if they are slow, and not where gates part in any case and
what decides is how cleanly paths do, as under a weak penalty.

A score of a network is the coefficient itself: areas above 0.5 say that less degenerate networks will specialise.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """An area under a ROC curve, or the difference of two, that was foretold to lie in an interval.

    Attributes:
        cell: where.
        block: at whose end, counted from 1.
        predictor: "sampled", "closed form", "contrast" or "gate spread".
        why: the reason for it.
        low: the interval.
        high: the interval.
        beside: another predictor whose area is subtracted.
    """

    cell: str
    block: int
    predictor: str
    why: str
    low: float = -math.inf
    high: float = math.inf
    beside: str = ""

    @property
    def name(self) -> str:
        """In one line."""
        less = f" less {self.beside}" if self.beside else ""
        return f"{self.cell}, block {self.block}: area of {self.predictor}{less}"


SATURATED = "after one task both paths are aligned with it, so that cosines hide what gates still show"
GATES_ONLY = "curvature at the point sees how far gates are apart"
FAR = "the law lies at tables of rank one, some way off, and hardly sees how far gates are apart"
PARTING = "paths that have begun to part go on"
PHASE = "those that part are between two states, with one path ahead in both tasks, and look more degenerate"
ENTANGLED = "all tables have rank two; what is less degenerate has paths that do both tasks with opposite signs"

PREDICTIONS = (
    Claim("slow gates", 1, "closed form", GATES_ONLY, low=0.8),
    Claim("slow gates", 1, "contrast", SATURATED, low=0.35, high=0.65),
    Claim("slow gates", 1, "closed form", "both of these", low=0.2, beside="contrast"),
    Claim("slow gates", 1, "sampled", FAR, low=0.35, high=0.75),
    Claim("slow gates", 3, "sampled", PARTING, low=0.9),
    Claim("slow gates", 4, "contrast", PARTING, low=0.9),
    Claim("slow gates", 4, "sampled", "nothing is gained on the contrast", low=-0.05, high=0.05, beside="contrast"),
    Claim("slow gates", 6, "closed form", PHASE, high=0.5),
    Claim("slower gates", 1, "closed form", GATES_ONLY, low=0.75),
    Claim("slower gates", 1, "contrast", SATURATED, low=0.35, high=0.65),
    Claim("slower gates", 2, "sampled", PARTING, low=0.75),
    Claim("slower gates", 2, "sampled", "nothing is gained on the contrast", low=-0.1, high=0.1, beside="contrast"),
    Claim("slower gates", 4, "closed form", PHASE, high=0.5),
    Claim("weak penalty", 1, "closed form", GATES_ONLY, low=0.8),
    Claim("weak penalty", 1, "sampled", ENTANGLED, high=0.3),
    Claim("weak penalty", 2, "sampled", ENTANGLED, high=0.2),
    Claim("weak penalty", 2, "contrast", PARTING, low=0.9),
)
