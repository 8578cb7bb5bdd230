"""Figure A11: the runs of figure A10 go on over task switches, where the exact solution of one block no longer binds.

Every run starts in the state that figure A10 had at t = 1.25 and sees four blocks of five time units, the first with
the task that was in force. The stored figure shows four blocks, the visible code two; four it is. Toy units, released
convention.

Published is panel A only; the others are those of figure A10, and our addition. So are the rows about the conserved
quantity: the curve of one block is left only while a gate is at zero or below, and where both gates are positive its
root-mean-square form holds as before, from whatever point it started.
"""

from experiments.sandbrink_2024.figure_a11.numbers import accept
from experiments.sandbrink_2024.figure_a11.picture import draw as plot
from experiments.sandbrink_2024.figure_a11.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(max_step=1e-2, records_per_block=124)
