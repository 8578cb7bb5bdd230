"""Optimisers as levels: what they accumulate is a memory that learns from gradients, at a pace of its own.

All are optax transformations whose updates are added to the parameters: they drive `OnlineSGD(rule=...)`, levels
(`Level(rule=...)`, where a sign is to be minded, see `descending`), and training loops of your own.

- `momentum`: a sum that forgets, with any preconditioner; `delta_momentum`: one that forgets where it is written.
- `momentum_with_read_out`: Muon and its kin; `MultiScaleMomentum`: a fast and a slow momentum (M3).
- `DeepMomentum`: a small network in place of a sum.
- `delta_descent`: a rule for linear maps, from inputs and output gradients.
"""

from ntadyn.nested.optimisers.deep_momentum import (
    AbstractMemoryObjective as AbstractMemoryObjective,
    DeepMomentum as DeepMomentum,
    DotProduct as DotProduct,
    GradientMemory as GradientMemory,
    Ones as Ones,
    Regression as Regression,
)
from ntadyn.nested.optimisers.delta_descent import (
    delta_descent as delta_descent,
    delta_descent_of_paths as delta_descent_of_paths,
)
from ntadyn.nested.optimisers.delta_momentum import delta_momentum as delta_momentum
from ntadyn.nested.optimisers.descending import descending as descending
from ntadyn.nested.optimisers.momentum import MomentumState as MomentumState, momentum as momentum
from ntadyn.nested.optimisers.multi_scale_momentum import (
    AbstractAccumulation as AbstractAccumulation,
    Averages as Averages,
    MultiScaleMomentum as MultiScaleMomentum,
    Sums as Sums,
    unread as unread,
)
from ntadyn.nested.optimisers.newton_schulz import (
    CUBIC as CUBIC,
    QUINTIC as QUINTIC,
    momentum_with_read_out as momentum_with_read_out,
    orthogonalised as orthogonalised,
)
from ntadyn.nested.optimisers.preconditioners import (
    AbstractPreconditioner as AbstractPreconditioner,
    LeftMatrix as LeftMatrix,
    Mapped as Mapped,
    RandomFeatures as RandomFeatures,
    RootMeanSquare as RootMeanSquare,
    Unchanged as Unchanged,
)
