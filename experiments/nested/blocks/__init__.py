"""Several clocks in one network: what they buy where blocks add up, and what it takes to buy something.

Two orthogonal linear tasks in turn, three and four; one block, two that add up, with a retention, with a reset, nested;
the same beside gates; and residual blocks on tasks that are not linear. In steps, on exact means or on batches.
"""

from experiments.nested.blocks.numbers import accept
from experiments.nested.blocks.picture import draw as plot
from experiments.nested.blocks.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, num_tasks=(2,), widths=(8,), num_nonlinear_blocks=6)
