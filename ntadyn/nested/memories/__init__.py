"""Associative memories: models that are trained while they are used, by one write per token.

A *rule* is how one pair of key and value is written, and which loss this descends. A *form* is how a sequence of writes
is computed: token by token, in chunks, or all at once, with the same result. `AssociativeMemory` puts them together.
"""

from ntadyn.nested.memories.chunked import (
    Chunked as Chunked,
    Parallel as Parallel,
)
from ntadyn.nested.memories.forms import (
    AbstractForm as AbstractForm,
    Reads as Reads,
    Recurrent as Recurrent,
    Writes as Writes,
)
from ntadyn.nested.memories.linear import (
    AbstractLinearRule as AbstractLinearRule,
    Coefficients as Coefficients,
    Delta as Delta,
    GatedDelta as GatedDelta,
    Hebbian as Hebbian,
    ProximalDelta as ProximalDelta,
)
from ntadyn.nested.memories.measured import (
    MeasuredForm as MeasuredForm,
    default_form as default_form,
    measured_forms as measured_forms,
)
from ntadyn.nested.memories.memory import (
    AssociativeMemory as AssociativeMemory,
    InnerLosses as InnerLosses,
    KeyLength as KeyLength,
    Read as Read,
)
from ntadyn.nested.memories.proximal import (
    linearised as linearised,
    proximal as proximal,
)
from ntadyn.nested.memories.rule import AbstractRule as AbstractRule
from ntadyn.nested.memories.titans import (
    MatrixMemory as MatrixMemory,
    Titans as Titans,
    TitansRetention as TitansRetention,
    TitansState as TitansState,
    TwoLayerMemory as TwoLayerMemory,
)
