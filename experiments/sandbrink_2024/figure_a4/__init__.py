"""Figure A4: the fully connected network of figure 6 over time: loss, gates, similarity, alignment, motion of layers.

Released parameters in the present convention, which made the published panels, on batches in the published steps.
"Gates" are the means of the second layer over the units that the published rule matches with a teacher. Beside the
published panels, losses of the forgetful network and of the population flow in small steps, and, thin in panel C,
similarities under the optimal assignment, which takes every unit once.
"""

from experiments.sandbrink_2024.figure_a4.numbers import accept
from experiments.sandbrink_2024.figure_a4.picture import draw as plot
from experiments.sandbrink_2024.runs.two_layers import Parameters, batches_only as online, runs

# On batches: they are what the panels show in any case, so that only what has no noise is left out.
__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, flow_seeds=0)
