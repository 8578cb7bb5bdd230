"""Rival accounts of continual learning on the same streams: problems, strategies, and learners that follow them.

A *problem* gives examples of tasks and judges answers to them. A *strategy* is what is done about forgetting. A
*learner* is a system behind `ntadyn.interface` that learns a problem under a strategy: `GatedContinualFlow` (paths and
teachers, in closed form), `ContinualFlow` (any network, by automatic differentiation), `ContinualDescent` (batches).
"""

from ntadyn.continual.boundaries import (
    Detected as Detected,
    DetectedMemory as DetectedMemory,
    LossJump as LossJump,
    RecentLosses as RecentLosses,
)
from ntadyn.continual.criteria import (
    AbstractCriterion as AbstractCriterion,
    CrossEntropy as CrossEntropy,
    SquaredError as SquaredError,
)
from ntadyn.continual.descent import ContinualDescent as ContinualDescent, DescentState as DescentState
from ntadyn.continual.ewc import (
    ElasticWeightConsolidation as ElasticWeightConsolidation,
    FullElasticWeightConsolidation as FullElasticWeightConsolidation,
)
from ntadyn.continual.fisher import (
    AbstractFisher as AbstractFisher,
    EmpiricalFisher as EmpiricalFisher,
    ModelFisher as ModelFisher,
    SampledFisher as SampledFisher,
)
from ntadyn.continual.flow import ContinualFlow as ContinualFlow, ContinualState as ContinualState
from ntadyn.continual.gated_flow import GatedContinualFlow as GatedContinualFlow
from ntadyn.continual.oracle import OracleGates as OracleGates
from ntadyn.continual.problem import (
    AbstractProblem as AbstractProblem,
    DataProblem as DataProblem,
    TeacherProblem as TeacherProblem,
)
from ntadyn.continual.replay import (
    ExampleReplay as ExampleReplay,
    MultiTask as MultiTask,
    Reservoir as Reservoir,
    TaskReplay as TaskReplay,
)
from ntadyn.continual.strategy import (
    AbstractStrategy as AbstractStrategy,
    FineTuning as FineTuning,
    OutputAnchor as OutputAnchor,
    Released as Released,
    WeightAnchor as WeightAnchor,
)
