"""Figure A16: adaptation from few samples. One sample per update is enough to switch between learned tasks.

Released parameters in the present convention, which is the one the published panels were made in. The figure is about
single samples, so it runs online: batches of one, steps of 0.03, 33 of them in a block, as published. All published
seeds start from the same weights and differ in their data only; a second ensemble, whose initial weights differ as
well, shows what that choice hides. Its reduced model of one effective mode is deterministic; it runs from the published
initial weights, which mix degrees with radians, and from those that were meant.
"""

from experiments.harness.acceptance import Acceptance
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_a16 import numbers
from experiments.sandbrink_2024.figure_a16.picture import draw as plot
from experiments.sandbrink_2024.figure_a16.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=8)


def online(parameters: Parameters) -> Parameters:
    """The same: the full model sees single samples in any case, the reduced one is deterministic."""
    return parameters


def accept(data: Data) -> list[Acceptance]:
    """The numbers that figure A16 must show."""
    return numbers.accept(data["one_start"], data["varied_start"], data["reduced"])
