"""HOPE and its rivals on associative recall: at equal parameters, at equal time, and where keys are bound anew.

Six tables: four pairs, which chooses the learning rates of all others; the same at an equal number of seconds; more
pairs than are comfortable; pairs of which half bind a key anew; levels without clocks of their own; and HOPE without
one of its ideas. Every row is a run of its own.
"""

from experiments.nested.hope.numbers import accept
from experiments.nested.hope.picture import draw as plot
from experiments.nested.hope.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    models=("transformer", "linear-attention", "hope"),
    ablations=(),
    of_levels=(),
    pairs=(4,),
    num_seeds=1,
    steps=3,
    rates=(4e-3,),
    seconds=0.2,
    held_out=32,
    depth=1,
)
