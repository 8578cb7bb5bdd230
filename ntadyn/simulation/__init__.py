"""system + curriculum + method -> trajectory, with its result code and the estimated errors of its numbers."""

from ntadyn.simulation.checks import check as check
from ntadyn.simulation.integration import integrate as integrate
from ntadyn.simulation.methods import (
    AbstractMethod as AbstractMethod,
    Adaptive as Adaptive,
    FixedSteps as FixedSteps,
    default_step as default_step,
    method_for as method_for,
)
from ntadyn.simulation.outcome import RESULTS as RESULTS, Trajectory as Trajectory, result_codes as result_codes
from ntadyn.simulation.trajectory import simulate as simulate
