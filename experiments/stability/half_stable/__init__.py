"""The specialised orbit S is half stable: disturbed toward contact a run returns to it, otherwise it leaves for good.

Figure 2, flexible, by `LorentzBoost`. S is found as a fixed point of one block with tasks and paths renamed; runs start
at S with disturbed weights, or are disturbed after every block. Then the same network from small weights for hundreds
of blocks, where the theory does not reach: whole weight matrices, batches, a penalty on the L2 norm, three tasks.
"""

from experiments.stability.half_stable.numbers import accept
from experiments.stability.half_stable.picture import draw as plot
from experiments.stability.half_stable.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(steps_per_block=25, num_blocks=40, num_runs=4, noisy_runs=2, systems=())
