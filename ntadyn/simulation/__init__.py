"""system + curriculum + method -> trajectory, with its result code and the estimated errors of its numbers."""

from ntadyn.interface import observables as observables
from ntadyn.simulation.adaptive import Adaptive as Adaptive
from ntadyn.simulation.checks import check as check
from ntadyn.simulation.defaults import default_step as default_step
from ntadyn.simulation.fixed_steps import FixedSteps as FixedSteps
from ntadyn.simulation.integration import integrate as integrate, integrate_batch as integrate_batch
from ntadyn.simulation.lane_steps import LaneSteps as LaneSteps
from ntadyn.simulation.method import AbstractMethod as AbstractMethod
from ntadyn.simulation.method_choice import method_for as method_for
from ntadyn.simulation.outcome import RESULTS as RESULTS, Trajectory as Trajectory, result_codes as result_codes
from ntadyn.simulation.trajectory import simulate as simulate
from ntadyn.simulation.whole_steps import GradientDescent as GradientDescent, Updates as Updates
