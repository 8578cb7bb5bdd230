"""Does the learning coefficient foretell which networks will specialise, before they do, and better than the contrast?

Cells at the borders of figure 5, where about half of the networks specialise; the behavioural coefficient of the gate
table at the ends of early blocks, in closed form and sampled, beside the contrast at the same block. What is expected
was written down in `predictions` before the full run, from a pilot on other initial weights.
"""

from experiments.degeneracy.foresight.collapsed import Ensembles
from experiments.degeneracy.foresight.numbers import accept
from experiments.degeneracy.foresight.picture import draw as plot
from experiments.degeneracy.foresight.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    num_seeds=40, cells=("slower gates",), ensembles=Ensembles(2, 12, 100, 200), langevin=1, steps=(10, 20)
)
