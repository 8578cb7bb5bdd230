"""Beyond linear: rectified networks that learned handwritten digits under two labellings, taken apart.

Two paths with gates that learned the labellings by turns, with fast gates and with slow ones, and a mixture of experts
behind a softmax that learned both at once: Interaction Basis, graph by tasks, ledger of null directions, before and
after.
"""

from experiments.degeneracy.experts.numbers import accept
from experiments.degeneracy.experts.picture import draw as plot
from experiments.degeneracy.experts.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(networks=("mixture",), num_seeds=1, experts=2, expert_units=2, steps=200, examples=60)
