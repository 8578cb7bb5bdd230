"""HOPE and its rivals on the characters of a text that every Python has, beside n-grams.

Three tables: an equal number of steps, an equal number of seconds, and HOPE without one of its ideas; all at equal
parameters. Every row is a run of its own.
"""

from experiments.nested.hope_text.numbers import accept
from experiments.nested.hope_text.picture import draw as plot
from experiments.nested.hope_text.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(models=("transformer", "hope"), ablations=(), num_seeds=1, steps=3, rates=(4e-3,), seconds=0.2)
