"""Figure A5: the second layer of single networks, its units in their own order.

Released parameters in the present convention, on batches in the published steps; the networks are those of figure 6.
Without sorting, a flexible network shows that every output listens to one unit at a time, and to another one for the
other task.
"""

import dataclasses

from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance
from experiments.harness.figure_run import Data
from experiments.harness.outcomes import no_failures
from experiments.sandbrink_2024 import second_layer_figure, two_layers
from experiments.sandbrink_2024.figure_6_numbers import gating_rows, winner_bounds
from experiments.sandbrink_2024.two_layers import REGIMES, Parameters

VERDICT = (
    "Reproduced with the released parameters. No number of this picture was published; what it shows agrees with "
    "another simulation of the same network: with a penalty every output listens mostly to one unit, and to another "
    "one for the other task, while without it outputs listen to many units, the same ones for both tasks. Like figure"
    " 6, this belongs to steps as long as the time constant of the second layer."
)

PARAMETERS = Parameters(flow_seeds=0)
FAST = dataclasses.replace(PARAMETERS, num_seeds=2)
_IN_THE_PICTURE = ("share", "participation", "winners", "kept_winners", "layer_2_change")


def run(parameters: Parameters) -> Data:
    """See `two_layers.run`."""
    return two_layers.run(parameters)


def online(parameters: Parameters) -> Parameters:
    """The same: the picture is one of batches in any case."""
    return parameters


def accept(data: Data) -> list[Acceptance]:
    """How single the gating is: no number of the picture was published, these are means over repetitions."""
    return [no_failures(*data.values()), *gating_rows(data, _IN_THE_PICTURE), *winner_bounds(data)]


def plot(data: Data) -> Figure:
    """The first repetition."""
    maps = {regime: data[regime].second_layer.values[0] for regime in REGIMES}
    title = "second layer of one repetition, batches of 200"
    return second_layer_figure.draw({"hidden units": maps}, title, divided=False)
