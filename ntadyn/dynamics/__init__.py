"""How gated linear networks learn: systems behind the interface of `ntadyn.interface`."""

from ntadyn.dynamics.batches import AbstractSampler as AbstractSampler, Rows as Rows, Wishart as Wishart
from ntadyn.dynamics.deep_order_parameters import (
    DeepOrderParameters as DeepOrderParameters,
    DeepOrderParameterState as DeepOrderParameterState,
)
from ntadyn.dynamics.gradient_flow import GradientFlow as GradientFlow
from ntadyn.dynamics.online import OnlineSGD as OnlineSGD, OnlineState as OnlineState
from ntadyn.dynamics.order_parameters import (
    OrderParameters as OrderParameters,
    OrderParameterState as OrderParameterState,
)
from ntadyn.dynamics.svd_modes import SVDModes as SVDModes, SVDModesState as SVDModesState, TeacherModes as TeacherModes
from ntadyn.dynamics.symmetric import (
    Symmetric as Symmetric,
    SymmetricState as SymmetricState,
    exact_weight_difference as exact_weight_difference,
    mode_aligned as mode_aligned,
    toy_flow as toy_flow,
    toy_tasks as toy_tasks,
)
