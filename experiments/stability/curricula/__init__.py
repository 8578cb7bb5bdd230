"""Block lengths by gradient and without, scored after a fixed test phase of constant blocks, on seeds of their own."""

from experiments.stability.curricula.numbers import accept
from experiments.stability.curricula.picture import draw as plot
from experiments.stability.curricula.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    gates=0.02, total=2.5, block=0.5, numbers=(1, 2), test_blocks=2, seeds=(4, 4), restarts=1, evaluations=3, steps=30
)
