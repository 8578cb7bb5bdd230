"""Figure 4: the mechanism, in the toy. Gates that follow the task protect the weights, and long blocks pull them apart.

Everything is deterministic and in toy units of the released convention. Panels show the exact flow; "published_scheme"
repeats A to C and F, G as published, explicit Euler steps of 0.001 and records at the published times, and is what the
published numbers are compared with most closely. Published coordinates: the first target is (0, 1).

Our addition: beside the published panel G, which compares neighbouring blocks and therefore different tasks, one that
compares blocks two apart, at exactly equal phases.
"""

from experiments.sandbrink_2024.figure_4.numbers import accept
from experiments.sandbrink_2024.figure_4.picture import draw as plot
from experiments.sandbrink_2024.figure_4.simulation import Parameters, runs
from experiments.sandbrink_2024.runs.block_length import NUM_BLOCKS

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
# As many blocks as in panel E, so that one program serves for both.
FAST = Parameters(max_step=5e-3, num_blocks=NUM_BLOCKS, block_length_step=2e-2, published_scheme=False)
