"""How networks learn: one interface, several systems behind it."""

from ntadyn.dynamics.gradient_flow import GradientFlow as GradientFlow
from ntadyn.dynamics.gradient_flow import InputCovariance as InputCovariance
from ntadyn.dynamics.online import OnlineSGD as OnlineSGD
from ntadyn.dynamics.online import OnlineState as OnlineState
from ntadyn.dynamics.order_parameters import OrderParameters as OrderParameters
from ntadyn.dynamics.order_parameters import OrderParameterState as OrderParameterState
from ntadyn.dynamics.svd_modes import SVDModes as SVDModes
from ntadyn.dynamics.svd_modes import SVDModesState as SVDModesState
from ntadyn.dynamics.svd_modes import TeacherModes as TeacherModes
from ntadyn.dynamics.symmetric import Symmetric as Symmetric
from ntadyn.dynamics.symmetric import SymmetricState as SymmetricState
from ntadyn.dynamics.symmetric import exact_weight_difference as exact_weight_difference
from ntadyn.dynamics.symmetric import mode_aligned as mode_aligned
from ntadyn.dynamics.symmetric import toy_flow as toy_flow
from ntadyn.dynamics.symmetric import toy_tasks as toy_tasks
from ntadyn.dynamics.system import AbstractGatedSystem as AbstractGatedSystem
from ntadyn.dynamics.system import AbstractSystem as AbstractSystem
from ntadyn.dynamics.system import Overlaps as Overlaps
