"""Figure A10: specialisation over gates within one block, against the exact solution, and how its assumptions hold.

Toy units throughout, in the released convention; there is no other for the toy. The flow and its comparison with the
exact solution are those of `ntadyn verify`; here they get the published layout, and the published scheme beside them,
which the stored numbers are held against.
"""

from experiments.sandbrink_2024.figure_a10.numbers import accept
from experiments.sandbrink_2024.figure_a10.picture import draw as plot
from experiments.sandbrink_2024.figure_a10.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(euler_step=None)
