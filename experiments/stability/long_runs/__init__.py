"""Long runs by `Splitting` and by `LorentzBoost`: whether a figure depends on what its step conserves.

Figures of more than 50 blocks, in equal steps by both: the cycle of figure 4 (100 blocks), figure A2 (100), the
shortest blocks of figure 5 (70). Beside them the left of figure A9 (16 blocks) and figure A10 (one), and an orbit of
figure 5 of 3,000 blocks, where the two part. The longest other runs (nested learning, 64 and 120 blocks) are of systems
that are not made of gates and weights moved by one error; only one of the two steps is made for them.
"""

from experiments.stability.long_runs.numbers import accept
from experiments.stability.long_runs.picture import draw as plot
from experiments.stability.long_runs.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(figures=("4", "orbit"), cycle_blocks=20, max_step=1e-2, orbit_blocks=100, orbit_steps=50)
