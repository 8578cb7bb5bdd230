"""Sequence models where tasks switch: do they learn to switch as gates do, and what do they forget?

Regression in context whose teachers switch in blocks, the same teachers in every sequence or fresh ones, beside
flexible and forgetful gated networks on the same teachers; and two texts that are practised in turns.
"""

from experiments.nested.hope_streams.numbers import accept
from experiments.nested.hope_streams.picture import draw as plot
from experiments.nested.hope_streams.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    models=("transformer", "hope"), num_seeds=1, steps=4, rates=(4e-3,), held_out=16, block_steps=1, evaluations=4
)
