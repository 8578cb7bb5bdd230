"""Figure 6: a fully connected network learns to gate. Its second layer switches with the task, its first layer stays.

Released parameters in the present convention, which made the published panels, on batches in the published steps. They
are as long as the time constant of the second layer, and it is for their length, not for their noise, that alignment
goes on to grow: dashes are the same steps without noise, dots the flow that they stand for. Panel A shows the first
repetition, with its units sorted by the published rule; panel B, beside the published alignment of the flexible
network, the forgetful one and the alignment under the optimal assignment of units.
"""

from experiments.sandbrink_2024.figure_6.numbers import accept
from experiments.sandbrink_2024.figure_6.picture import draw as plot
from experiments.sandbrink_2024.runs.two_layers import Parameters, batches_only as online, runs

# On batches: they are what the panels show in any case, so that only what has no noise is left out.
__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, flow_seeds=0)
