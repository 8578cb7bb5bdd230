"""Rival accounts of continual learning on the same streams: problems, strategies, and learners that follow them.

A *problem* gives examples of tasks and judges answers to them. A *strategy* is what is done about forgetting. A
*learner* is a system behind `ntadyn.interface` that learns a problem under a strategy: `GatedContinualFlow` (paths and
teachers, in closed form), `ContinualFlow` (any network, by automatic differentiation), `ContinualDescent` (batches).
"""

from ntadyn.continual.adaptation import (
    AbstractAdaptation as AbstractAdaptation,
    GateFlow as GateFlow,
    adapted as adapted,
    adapted_losses as adapted_losses,
)
from ntadyn.continual.boundaries import (
    Detected as Detected,
    DetectedMemory as DetectedMemory,
)
from ntadyn.continual.consolidation import (
    Consolidation as Consolidation,
    ConsolidationMemory as ConsolidationMemory,
)
from ntadyn.continual.criteria import (
    AbstractCriterion as AbstractCriterion,
    CrossEntropy as CrossEntropy,
    SquaredError as SquaredError,
)
from ntadyn.continual.descent import (
    ContinualDescent as ContinualDescent,
    DescentState as DescentState,
)
from ntadyn.continual.distillation import (
    Distillation as Distillation,
    LearningWithoutForgetting as LearningWithoutForgetting,
    SnapshotMemory as SnapshotMemory,
    questions as questions,
)
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
from ntadyn.continual.flow import (
    ContinualFlow as ContinualFlow,
    ContinualState as ContinualState,
)
from ntadyn.continual.gate_fit import (
    fitted_gates as fitted_gates,
    residual as residual,
    with_fitted_gates as with_fitted_gates,
)
from ntadyn.continual.gate_steps import (
    check_gate_step as check_gate_step,
)
from ntadyn.continual.gated_flow import (
    GatedContinualFlow as GatedContinualFlow,
)
from ntadyn.continual.given_order import (
    GivenOrder as GivenOrder,
    shuffled_epochs as shuffled_epochs,
)
from ntadyn.continual.growing import (
    DynamicallyExpandable as DynamicallyExpandable,
    GrowthMemory as GrowthMemory,
    num_alive as num_alive,
)
from ntadyn.continual.inner_loop import (
    AbstractOrder as AbstractOrder,
    FirstOrder as FirstOrder,
    Implicit as Implicit,
    InnerLoop as InnerLoop,
    SecondOrder as SecondOrder,
    every_parameter as every_parameter,
    only_gates as only_gates,
)
from ntadyn.continual.inner_rates import (
    AbstractInnerRates as AbstractInnerRates,
    CommonRate as CommonRate,
    LearnedRates as LearnedRates,
    RatedNetwork as RatedNetwork,
)
from ntadyn.continual.loss_jump import (
    LossJump as LossJump,
    RecentLosses as RecentLosses,
)
from ntadyn.continual.meta import (
    AbstractEpisodes as AbstractEpisodes,
    DrawnEpisodes as DrawnEpisodes,
    FollowTheMetaLeader as FollowTheMetaLeader,
    ModelAgnosticMetaLearning as ModelAgnosticMetaLearning,
    PopulationEpisodes as PopulationEpisodes,
)
from ntadyn.continual.network_teachers import (
    NetworkTeachers as NetworkTeachers,
    rectified_teachers as rectified_teachers,
)
from ntadyn.continual.new_paths import (
    AbstractNewPath as AbstractNewPath,
    RandomPath as RandomPath,
    ResidualPath as ResidualPath,
)
from ntadyn.continual.oracle import (
    OracleGates as OracleGates,
)
from ntadyn.continual.problem import (
    AbstractProblem as AbstractProblem,
    DataProblem as DataProblem,
    TeacherProblem as TeacherProblem,
)
from ntadyn.continual.prototypes import (
    LabelledPrototypeGates as LabelledPrototypeGates,
    PrototypeGates as PrototypeGates,
    PrototypeMemory as PrototypeMemory,
    identification_accuracy as identification_accuracy,
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
from ntadyn.continual.transfer import (
    FromScratch as FromScratch,
    GatesOnly as GatesOnly,
    NearestTask as NearestTask,
    OneMorePath as OneMorePath,
    gates_of_tasks as gates_of_tasks,
    gates_only_floor as gates_only_floor,
    nearest_task as nearest_task,
)
