"""Deep linear networks at published settings: what an estimate consists of besides the coefficient it is held against.

Half the squared error summed over outputs is the loss: averages over N outputs are an inverse temperature 2/N as high.
Gradients are of the loss over all inputs, or all examples; batches are left out. Steps are eps in x - eps/2 grad U +
sqrt(eps) xi. Chains start at the point, as published ones do.
"""

from experiments.degeneracy.published.numbers import accept
from experiments.degeneracy.published.picture import draw as plot
from experiments.degeneracy.published.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    shapes=((5, 3, 5),),
    widths=((4, 4, 4),),
    num_rank_reduced=0,
    slow_steps=(3e-6, 1e-2),
    slow_draws=3000,
    repetitions=5,
)
