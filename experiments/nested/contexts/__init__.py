"""Two contexts of two tasks: which clocks give every context paths of its own, and what it finds on its return.

A network with gates of contexts above gates of paths, y = sum_k g_k sum_p c_kp W^kp x, learns four tasks that come in
blocks, and their contexts in blocks of blocks. Nobody tells it which context is in force. All on the exact population
flow of overlaps; closed forms from kink to kink, continuous time.
"""

from experiments.nested.contexts.numbers import accept
from experiments.nested.contexts.picture import draw as plot
from experiments.nested.contexts.simulation import Parameters, runs

__all__ = ["FAST", "PARAMETERS", "accept", "plot", "runs"]

PARAMETERS = Parameters()
FAST = Parameters(size=6, num_seeds=2, size_of_three=0)
