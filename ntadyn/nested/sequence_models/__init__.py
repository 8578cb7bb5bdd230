"""Models of sequences with one skeleton: softmax attention, associative memories, memories that modify themselves.

- `build`, `MODELS`: a model by its name; `assemble`, `Recipe`: with a mixer of one's own.
- `SequenceModel`: whole sequences, or streams, with the same numbers.
- `SelfModifyingMemory`: fast weights that make their own keys, values, rates and targets.
- `dynamic_evaluation`, `continuum_optimiser`: levels of the feed-forward parts that learn in context, or in training.
"""

from ntadyn.nested.sequence_models.attention import (
    AttentionState as AttentionState,
    SoftmaxAttention as SoftmaxAttention,
)
from ntadyn.nested.sequence_models.block import Block as Block
from ntadyn.nested.sequence_models.continuum_optimiser import (
    continuum_optimiser as continuum_optimiser,
    level_labels as level_labels,
)
from ntadyn.nested.sequence_models.convolution import CausalConvolution as CausalConvolution
from ntadyn.nested.sequence_models.dynamic_evaluation import (
    LearningState as LearningState,
    dynamic_evaluation as dynamic_evaluation,
    initial_learning_state as initial_learning_state,
)
from ntadyn.nested.sequence_models.fast_memories import (
    AbstractFastMemory as AbstractFastMemory,
    Descent as Descent,
    FastMatrix as FastMatrix,
    FastTwoLayers as FastTwoLayers,
    Objective as Objective,
    WriteGradient as WriteGradient,
    WriteRule as WriteRule,
)
from ntadyn.nested.sequence_models.feed_forward import ContinuumFeedForward as ContinuumFeedForward
from ntadyn.nested.sequence_models.memory_mixers import (
    Gate as Gate,
    LinearMemoryMixer as LinearMemoryMixer,
    Projections as Projections,
    TitansMixer as TitansMixer,
)
from ntadyn.nested.sequence_models.models import (
    MODELS as MODELS,
    MixerBuilder as MixerBuilder,
    Recipe as Recipe,
    Tokens as Tokens,
    Vectors as Vectors,
    assemble as assemble,
    build as build,
)
from ntadyn.nested.sequence_models.self_modifying import (
    FROZEN as FROZEN,
    Answering as Answering,
    Guard as Guard,
    MaxRates as MaxRates,
    SelfModifyingMemory as SelfModifyingMemory,
    SelfModifyingState as SelfModifyingState,
    Targets as Targets,
)
from ntadyn.nested.sequence_models.sequence_model import AbstractMixer as AbstractMixer, SequenceModel as SequenceModel
from ntadyn.nested.sequence_models.sizes import (
    matched_hidden as matched_hidden,
    parameter_count as parameter_count,
    state_floats as state_floats,
)
