"""The continuum memory system: blocks of one network that are updated at frequencies of their own.

**What it cannot do.** Two linear blocks whose answers add up and that descend the same loss, tau_f dW_f/dt = -dL/dW and
tau_s dW_s/dt = -dL/dW, conserve tau_s W_s - tau_f W_f, and their sum is *exactly* a single map of the rate
1/tau_f + 1/tau_s: both see the same gradient at every time. However many time constants there are, nothing is learned,
kept or forgotten that one of them would not. While gates stand still, the same holds for the paths of a gated network,
(tau_p / c_p) W^p - (tau_q / c_q) W^q.

What breaks that law is something that tells blocks apart: gates on a clock of their own, which is what `GatedLinear`
and `GateHierarchy` are about; depth (a chain conserves tau_2 W_2^T W_2 - tau_1 W_1 W_1^T instead); a retention below
one; a fast block that is reset when a block of practice starts; or data of its own for every block. A reset of the fast
block among two, for two orthogonal tasks in turn, divides the loss right after a switch by up to four.

- `SumOfLevels`, `ChainOfLevels`, `ResidualLevels`: networks of blocks, side by side or one after the other.
- `continuum`: their blocks as levels for `LevelDescent`, with chunks and time constants; `flowing_continuum` for
  `LevelFlow`.
- `NestedStarts`: the nested wiring, where every level starts anew from the level above it.
"""

from ntadyn.nested.continuum.levels import (
    CHUNKS as CHUNKS,
    continuum as continuum,
    flowing_continuum as flowing_continuum,
    slowing_time_constants as slowing_time_constants,
)
from ntadyn.nested.continuum.nested_starts import NestedStarts as NestedStarts, NestedStartsState as NestedStartsState
from ntadyn.nested.continuum.networks import (
    ChainOfLevels as ChainOfLevels,
    ResidualBlock as ResidualBlock,
    ResidualLevels as ResidualLevels,
    SumOfLevels as SumOfLevels,
)
