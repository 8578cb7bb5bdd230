"""Figure A6: the second layer sorted by the units' teachers, mean over repetitions.

Released parameters in the present convention, on batches in the published steps; the networks are those of figure 6,
and so is the published matching of units. In the forgetful network both halves look alike because the same units are
matched with both teachers, not because there are two copies of anything. Below the published maps the same networks
are sorted by the optimal assignment over the last two blocks, which takes every unit once.
"""

from experiments.sandbrink_2024.figure_a6.numbers import accept
from experiments.sandbrink_2024.figure_a6.picture import draw as plot
from experiments.sandbrink_2024.runs.two_layers import Parameters, batches_only as online, runs

# On batches: the picture is one of them in any case.
__all__ = ["FAST", "PARAMETERS", "accept", "online", "plot", "runs"]

PARAMETERS = Parameters(flow_seeds=0)
FAST = Parameters(num_seeds=2, flow_seeds=0)
