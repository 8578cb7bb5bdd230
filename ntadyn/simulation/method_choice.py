"""The method that suits a system, for those who do not choose one."""

import diffrax
from jaxtyping import PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.system import AbstractSystem
from ntadyn.simulation.adaptive import Adaptive
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.whole_steps import Updates


def method_for(system: AbstractSystem, state: PyTree, max_step: float | None = None) -> AbstractMethod:
    """The method that suits a system, for those who do not choose one.

    Args:
        system: the system.
        state: a state of it; only its shapes matter.
        max_step: upper bound on the step, or None.

    Returns:
        `Updates` for a system that makes steps of its own. Otherwise the system's solver: `Adaptive` if it can choose
        its steps, the field is smooth and no step is given; `FixedSteps` if not.
    """
    if not isinstance(system, AbstractFlow):
        return Updates(max_step)
    solver = system.default_solver(state)
    if max_step is None and isinstance(solver, diffrax.AbstractAdaptiveSolver) and not system.has_kinks():
        return Adaptive(solver)
    return FixedSteps(solver, max_step)
