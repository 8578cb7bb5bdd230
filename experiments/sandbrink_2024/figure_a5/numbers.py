"""How single the gating of figure A5 is: no number of the picture was published."""

from experiments.harness.acceptance import Acceptance
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.sandbrink_2024.numbers.two_layers import gating_rows, winner_bounds

_IN_THE_PICTURE = ("share", "participation", "winners", "kept_winners", "layer_2_change")


def accept(data: Data) -> list[Acceptance]:
    """What the picture shows of one repetition, as means over all."""
    return [no_failures(*data.values()), *gating_rows(data, _IN_THE_PICTURE), *winner_bounds(data)]
