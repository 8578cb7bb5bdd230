"""Penalties: energies on gates and weights, with their rule at the kink and their proximal map.

A penalty is an energy `R(x)` of one parameter group. It is not differentiable everywhere, so "its gradient" needs a
rule: every penalty states one as `branch_gradient`, the gradient of the smooth function that coincides with `R` in a
given orthant and continues beyond it. A solver that freezes the orthant during a step therefore sees a smooth force.

Two families behave differently under time stepping, and `split` separates them:

* Orthant-smooth penalties (`Nonnegativity`, `UnitL1Norm`, `UnitL2Norm`, `L1`) are smooth inside every orthant away
  from the origin. A solver has to watch the coordinate planes, on which a gate may slide; `kinked` says whether there
  is a kink to slide on.
* Shrinking penalties (`L2`, `Frobenius`, `ColumnL1`, `ColumnL2`) are norms, or means of norms over disjoint groups of
  entries. The force of a norm does not change along its own flow until the vector vanishes, where it stays; hence
  their proximal map over a time `h` *is* their gradient flow over `h`. (So is that of `L1`.) In `flow_along`,
  together with another flow, they hold groups at exactly zero and let them go at the right time.

For solvers that know nothing of kinks, `smoothed(penalty, width)` is a penalty without them.
"""

from ntadyn.regularizers.entropy_floor import EntropyFloor as EntropyFloor
from ntadyn.regularizers.gate_penalties import (
    Nonnegativity as Nonnegativity,
    UnitL1Norm as UnitL1Norm,
    UnitL2Norm as UnitL2Norm,
)
from ntadyn.regularizers.norm_penalties import (
    L1 as L1,
    L2 as L2,
    ColumnL1 as ColumnL1,
    ColumnL2 as ColumnL2,
    Frobenius as Frobenius,
)
from ntadyn.regularizers.penalty import AbstractPenalty as AbstractPenalty, Sum as Sum, Zero as Zero
from ntadyn.regularizers.per_group import PerGroup as PerGroup
from ntadyn.regularizers.relative_weights import from_relative_weights as from_relative_weights
from ntadyn.regularizers.smoothing import smoothed as smoothed
from ntadyn.regularizers.terms import from_coefficients as from_coefficients
