"""Meta-learning with gates inside: which paths are good to adapt from, and whether fast gates find them by themselves.

Three teachers, three paths, white inputs; gates adapt to a task in K steps of rate a = 1 / |W*|^2 with the weights
frozen. MAML descends the loss after these steps by gates and weights, over all tasks at once or over those that a
stream has shown so far (meta-leader). The flexible network has fast, nonnegative, competing gates and never looks
ahead; it and the forgetful one learn on a stream, too. Losses are those of the population, and nothing is random but
the start.

One step solves every task where a G = 1, with G the Gram matrix of the paths, and the teachers lie in their span.
"""

from experiments.continual.maml_gates.numbers import accept
from experiments.continual.maml_gates.picture import draw as plot
from experiments.continual.maml_gates.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_seeds=2, num_steps=2000)
