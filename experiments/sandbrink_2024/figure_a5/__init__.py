"""Figure A5: the second layer of single networks, its units in their own order.

Released parameters in the present convention, on batches in the published steps; the networks are those of figure 6.
Without sorting, a flexible network shows that every output listens to one unit at a time, and to another one for the
other task.
"""

from experiments.sandbrink_2024.figure_a5.numbers import accept
from experiments.sandbrink_2024.figure_a5.picture import draw as plot
from experiments.sandbrink_2024.runs.two_layers import Parameters, batches_only as online, runs

# On batches: the picture is one of them in any case.
__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters(flow_seeds=0)
FAST = Parameters(num_seeds=2, flow_seeds=0)
