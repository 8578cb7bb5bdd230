"""All continual methods on one stream of three tasks that ask for orthogonal answers, population and batches.

Twenty-four blocks of length one, teachers with rows of length one, tau_W = 1.3 and tau_c = 0.03. It is what `ntadyn
arena` runs, with two rows more (EWC as another simulation had it), and with numbers to be met.
"""

from experiments.continual.arena.numbers import accept
from experiments.continual.arena.picture import draw as plot
from experiments.continual.arena.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    num_seeds=2,
    tuning_seeds=1,
    methods=("fine-tuning", "ewc-as-elsewhere-0-1", "flexible", "growing", "joint"),
    presets=("population",),
)
