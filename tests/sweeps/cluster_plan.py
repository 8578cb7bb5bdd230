"""A sweep of many small tiles, for clusters."""

from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Sweep, as_axes

BASE = {"teachers.d_in": 4, "teachers.d_out": 2, "randomness.num_seeds": 2, "curriculum.total_time": 3.0}
AXES = {"curriculum.block_duration": [0.2 + 0.05 * k for k in range(12)], "time_constants.gates": [0.03, 0.08]}
PLAN = Sweep(replaced(Configuration(), BASE), as_axes(AXES))
