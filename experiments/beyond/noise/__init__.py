"""Noise of batches: what kappa = (h / tau_W) (d_in + 1) / B costs, and what it decides.

Every run takes the steps of descent. Noise is told from the error of long steps by runs in the same steps on batches of
a hundred thousand, drawn as Wishart matrices.
"""

from experiments.beyond.noise.numbers import accept
from experiments.beyond.noise.picture import draw as plot
from experiments.beyond.noise.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    cells=("late border", "short blocks"),
    batches=(1, 100_000),
    durations=(0.4, 1.0),
    noises=(0.0, 0.5),
    table_seeds=24,
    map_seeds=8,
)
