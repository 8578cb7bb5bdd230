"""Figure 5: where networks specialise. Block length by gate speed, and block length by penalty strength.

The figure was made with an older state of the published code. "published" holds its parameters translated exactly into
the present convention, so that axes show true ratios; "released" reads the same numbers in the present convention and
is a negative control.
"""

from experiments.harness.acceptance import Acceptance
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_5 import numbers
from experiments.sandbrink_2024.figure_5.picture import draw as plot
from experiments.sandbrink_2024.figure_5.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(variants=("published",))


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure 5 must show."""
    failures = no_failures(*(dataset for dataset in data.values() if "result" in dataset))
    return [failures, *numbers.accept(data)]
