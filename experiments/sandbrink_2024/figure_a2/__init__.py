"""Figure A2: the more dimensions a task has, the faster gates move at a switch.

Teachers are projectors on d of 30 dimensions with unit singular values. The released code scales them by 1/sqrt(30)
today; only unit values give the published numbers, so that this figure uses them, in the released convention otherwise.
There is room for two teachers of at most 15 dimensions each: the published ranks above are all the same run.

"batches" is the published measurement: steps of 0.001 on batches of 200, the fastest move of any gate at any time, and
the size of one student at the end. A maximum over noise is larger than that of the flow, which "published" has beside
it. The other variants of the flow are the improved measurement, just after the last two switches and for the path that
was open until then: with the penalty scaled like the drive, and with the gates slowed down like it as well.
"""

import dataclasses

from experiments.sandbrink_2024.figure_a2.numbers import accept
from experiments.sandbrink_2024.figure_a2.picture import draw as plot
from experiments.sandbrink_2024.figure_a2.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, num_batch_seeds=0, num_blocks=20, max_step=4e-3)


def online(parameters: Parameters) -> Parameters:
    """More repetitions on batches."""
    return dataclasses.replace(parameters, num_batch_seeds=10)
