import ntadyn.interface.observables as _observables

from .adaptive import Adaptive as Adaptive
from .checks import check as check
from .defaults import default_step as default_step
from .fixed_steps import FixedSteps as FixedSteps
from .integration import integrate as integrate, integrate_batch as integrate_batch
from .lane_boost import LaneBoosts as LaneBoosts
from .lane_steps import LaneSteps as LaneSteps
from .method import AbstractMethod as AbstractMethod
from .method_choice import method_for as method_for
from .native.boost import Conserving as Conserving
from .native.cuda_steps import CudaSteps as CudaSteps
from .native.scheme import Improved as Improved
from .native.steps import NativeSteps as NativeSteps
from .outcome import RESULTS as RESULTS, Trajectory as Trajectory, result_codes as result_codes
from .trajectory import simulate as simulate
from .whole_steps import GradientDescent as GradientDescent, Updates as Updates

observables = _observables
