"""Which solver suits a system, for those who do not choose one."""

import diffrax

from ntadyn.dynamics.system import AbstractGatedSystem, AbstractSystem, AbstractUpdatingSystem
from ntadyn.solvers.descent import Descent
from ntadyn.solvers.sliding import SlidingHeun
from ntadyn.solvers.splitting import Splitting

# The cost of `Splitting` grows with the cube of the number of gates. With 18 of them it already takes four times as
# long as `SlidingHeun` to the same accuracy, but up to here it takes any step and any penalty in a reasonable time.
MANY_GATES = 32


def solver_for(system: AbstractSystem, num_gates: int) -> diffrax.AbstractSolver:
    """`Splitting` for few gates, `SlidingHeun` for many; `Descent` for rules with steps of their own, else Heun.

    Args:
        system: the rule.
        num_gates: how many gates its state has.

    Returns:
        A Diffrax solver for fixed steps.
    """
    if isinstance(system, AbstractUpdatingSystem):
        return Descent()
    if not isinstance(system, AbstractGatedSystem):
        return diffrax.Heun()
    return SlidingHeun() if num_gates > MANY_GATES and "weights" not in system.penalties else Splitting()
