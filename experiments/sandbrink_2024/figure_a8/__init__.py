"""Figure A8: what gates and weights contribute to the speed of adaptation, in closed form.

Two outputs, one input, two paths on the family of solutions w^1 = (a, b), w^2 = (1 - a, 1 - b) with gates c = (a, b):
in the middle all is shared, in the corners gates and weights are specialised. The error points from one task to the
other. How fast it shrinks is a quadratic form of the tangent kernel, whose two terms are the motion of the gates, which
needs weights that differ, and that of the weights, which needs gates that are open. Nothing is simulated; all panels
follow from algebra, and the acceptance numbers compare the kernel of the network itself with that algebra.

The published panels assume equal time constants. D, our addition, shows the sum along the line of solutions for gates
that are faster than weights.
"""

from experiments.sandbrink_2024.figure_a8.numbers import accept
from experiments.sandbrink_2024.figure_a8.picture import draw as plot
from experiments.sandbrink_2024.figure_a8.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(num_points=20)
