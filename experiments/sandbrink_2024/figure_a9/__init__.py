"""Figure A9: block length and specialisation. Panel E of figure 4, and a heuristic potential with a double well.

Toy units, released convention. The slices of the potential are the published ones. The right panel is their sum over
both tasks, an effective loss over wbar, for the five published block lengths, with 4 wbar^2, what two tasks do to a
network without gates, dotted. The claim is that the wells deepen in proportion to the block length.
"""

from experiments.sandbrink_2024.figure_a9.numbers import accept
from experiments.sandbrink_2024.figure_a9.picture import draw as plot
from experiments.sandbrink_2024.figure_a9.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(max_step=2e-2)
