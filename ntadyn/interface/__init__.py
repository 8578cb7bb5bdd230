"""What a learning system offers: a small interface, and capabilities that a system may have.

- `AbstractSystem`: a state, a loss on any task, hooks at the edges of blocks.
- `AbstractFlow`: a system that moves in continuous time, by a vector field.
- `AbstractUpdate`: a system that makes steps of its own.
- `AbstractSplitFlow`: a flow of several parts, each of which is solved while the others rest.
- `AbstractGatedLinear`: a gated linear network with teachers: gates, overlaps, penalties.
- `AbstractGatedFlow`: both of the last two: a gated linear network whose gates and weights flow in turn.
- `AbstractQuadraticGatedFlow`: one whose gates descend a quadratic form and a penalty while the weights rest.
- `AbstractBoostFlow`: one whose gates and weights are moved by the same error, and only exchange their strength.
"""

from ntadyn.interface.boost_flow import AbstractBoostFlow as AbstractBoostFlow, Push as Push
from ntadyn.interface.flow import AbstractFlow as AbstractFlow
from ntadyn.interface.gated_linear import (
    AbstractGatedFlow as AbstractGatedFlow,
    AbstractGatedLinear as AbstractGatedLinear,
    AbstractQuadraticGatedFlow as AbstractQuadraticGatedFlow,
    Overlaps as Overlaps,
    TaskWeights as TaskWeights,
)
from ntadyn.interface.loops import EventSearch as EventSearch
from ntadyn.interface.split_flow import AbstractSplitFlow as AbstractSplitFlow, SubFlow as SubFlow
from ntadyn.interface.system import (
    AbstractSystem as AbstractSystem,
    BlockInfo as BlockInfo,
    Observable as Observable,
    Task as Task,
)
from ntadyn.interface.update import AbstractUpdate as AbstractUpdate
