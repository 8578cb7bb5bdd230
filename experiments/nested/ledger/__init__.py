"""What the equations of nested learning do as they are printed, in numbers, and what is done here in their place.

The short version of the article (NeurIPS 2025) and the long one (arXiv 2512.24695) have signs, step sizes and index
ranges that must not be typed in as they stand; the long version mends some and adds others. Public code has differences
of its own to the articles behind it. Every row is computed.
"""

from experiments.nested.ledger.numbers import accept
from experiments.nested.ledger.picture import draw as plot
from experiments.nested.ledger.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = FAST = Parameters()
