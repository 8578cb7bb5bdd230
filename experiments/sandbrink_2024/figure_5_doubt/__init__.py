"""Figure 5, supplement of ours: how far its maps can be trusted.

The same two maps in finer cells and with more repetitions: how much of a cell is chance (spread of the repetitions),
how much is the time step (every trajectory again with halved steps), which trajectories a jitter of their start throws
elsewhere, and which of the stored cells of the article lie further from ours than chance allows. The parameters are the
published ones, translated exactly into the present convention as in figure 5.
"""

from experiments.harness.acceptance import Acceptance
from experiments.harness.outcomes import no_failures
from experiments.harness.runs import Data
from experiments.sandbrink_2024.figure_5_doubt import numbers
from experiments.sandbrink_2024.figure_5_doubt.picture import MAPS, draw as plot
from experiments.sandbrink_2024.figure_5_doubt.simulation import Parameters, runs
from ntadyn.plotting.cells import title_of

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(size=(5, 10), num_seeds=3)


def accept(data: Data) -> list[Acceptance]:
    """What the maps are worth, in numbers."""
    return [
        no_failures(*data.values()),
        *(row for name in MAPS for row in numbers.resolution(title_of(data[name]).lower(), data[name])),
        *(row for name in MAPS for row in numbers.stored(title_of(data[name]).lower(), data[f"{name}_stored"], name)),
    ]
