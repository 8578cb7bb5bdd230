"""Nested learning: learners made of parts that learn from different data at different speeds.

- `GateHierarchy`, `HierarchyFlow`: gates of contexts above gates of paths, each level with a time constant of its own.
- `Level`, with a clock (`Flow`, `EverySteps`, `OncePerBlock`, `Once`) and an objective; `LevelFlow` and `LevelDescent`
  are systems of any number of them. An `Optimiser` is a rule for levels whose own parameters can be swept.
- `levels_of`, `level_table`: which levels a learner has.
- `nested.continuum`: blocks of one network with chunks of steps of their own, and what they cannot buy.
- `MomentumFlow`: momentum in continuous time, with a time constant of its own.
- `nested.memories`: associative memories, written token by token, in chunks, or all at once.
- `nested.sequence_models`: HOPE, whose memory modifies itself, beside attention and other memories.
- `nested.optimisers`: what optimisers accumulate is a level, too; `nested.proximal`: updates as exact minimisers.
"""

from ntadyn.nested.clocks import (
    AbstractClock as AbstractClock,
    EverySteps as EverySteps,
    Flow as Flow,
    Once as Once,
    OncePerBlock as OncePerBlock,
)
from ntadyn.nested.gate_hierarchy import GateHierarchy as GateHierarchy
from ntadyn.nested.hierarchy_flow import (
    CONTEXT_SHARES as CONTEXT_SHARES,
    CONTEXT_SIMILARITY as CONTEXT_SIMILARITY,
    PATH_GATES as PATH_GATES,
    HierarchyFlow as HierarchyFlow,
    HierarchyState as HierarchyState,
)
from ntadyn.nested.level import (
    AbstractObjective as AbstractObjective,
    Level as Level,
    PenalisedLoss as PenalisedLoss,
    TaskLoss as TaskLoss,
)
from ntadyn.nested.level_descent import LevelDescent as LevelDescent, LevelDescentState as LevelDescentState
from ntadyn.nested.level_flow import LevelFlow as LevelFlow, LevelState as LevelState
from ntadyn.nested.level_table import (
    ALWAYS as ALWAYS,
    NEVER as NEVER,
    PER_BLOCK as PER_BLOCK,
    Frequency as Frequency,
    LevelRow as LevelRow,
    level_table as level_table,
    ranked as ranked,
)
from ntadyn.nested.levels_of_systems import levels_of as levels_of, levels_of_training as levels_of_training
from ntadyn.nested.momentum_flow import MomentumFlow as MomentumFlow, MomentumState as MomentumState
from ntadyn.nested.update_rule import (
    AbstractUpdateRule as AbstractUpdateRule,
    Optimiser as Optimiser,
    Transformation as Transformation,
)
