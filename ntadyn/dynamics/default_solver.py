"""Which solver suits a flow of gates and weights."""

import diffrax
import jax
from jaxtyping import PyTree

from ntadyn.interface.gated_linear import AbstractGatedFlow
from ntadyn.solvers import SlidingHeun, Splitting

# The cost of `Splitting` grows with the cube of the number of gates. With 18 of them it already takes four times as
# long as `SlidingHeun` at the same accuracy, but up to this number it handles any step and penalty in reasonable time.
MANY_GATES = 32


def solver_of_gates(system: AbstractGatedFlow, state: PyTree) -> diffrax.AbstractSolver:
    """`Splitting` for few gates or a weight penalty; for many gates `SlidingHeun` with kinks, and Tsit5 without.

    Args:
        system: the flow.
        state: a state of it; only its shapes matter.
    """
    if "weights" in system.penalties or jax.eval_shape(system.gates, state).size <= MANY_GATES:
        return Splitting()
    return SlidingHeun() if system.has_kinks() else diffrax.Tsit5()
