"""Up to which size estimates are trusted, with which coordinates, and what they are estimates of.

Planted networks of 90 to 10,000 weights, whose curvatures are known; one of 4000 on handwritten digits; and networks
that lack directions, in which the limit of theory and the law at a temperature are different numbers.
"""

from experiments.degeneracy.large.numbers import accept
from experiments.degeneracy.large.picture import draw as plot
from experiments.degeneracy.large.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(
    width=10, rank=3, steps=(1000, 4000), trajectories=(80, 80), colder=(1e5, 1e6), hidden=12, images=100,
    directions=300, short=(500, 2500), drawn_diagonal=1000, sizes=(13,),
)  # fmt: skip
