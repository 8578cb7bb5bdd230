"""A learning system under a curriculum, as Diffrax sees it."""

from typing import Any

import diffrax
import jax
from jaxtyping import Array, ArrayLike, Float, Int, PyTree

from ntadyn.dynamics.system import AbstractSystem
from ntadyn.tasks.curricula import AbstractCurriculum


class LearningTerm(diffrax.AbstractTerm):
    """dy/dt = system.vector_field(t, y, task), the task being that of block `args` at time t.

    The block is an argument and is never computed from the time inside the field: at a switch the last stage of a step
    would otherwise see the next task. Any Diffrax solver takes this term; `Splitting` and `Descent` also reach through
    it to the system.

    A solver takes the length of a step from the difference of two times, which late in a run has lost its digits, in
    single precision all of them. So its clock starts anew at every step, and the term knows when that was.

    Attributes:
        system: the rule.
        curriculum: which task when.
        origin: t at zero on the clock of the solver.
    """

    system: AbstractSystem
    curriculum: AbstractCurriculum
    origin: Float[ArrayLike, ""] = 0.0

    def starting_at(self, t: Float[Array, ""]) -> "LearningTerm":
        """The same for a solver whose clock starts at t."""
        return LearningTerm(self.system, self.curriculum, t)

    def task(self, t: Float[Array, ""], block: Int[Array, ""]) -> Float[Array, " m"]:
        """The mixture weights over teachers in force at time t of the clock, in this block."""
        return self.curriculum.weights(block, self.origin + t)

    def vf(self, t: Any, y: PyTree, args: Int[Array, ""]) -> PyTree:
        """The vector field."""
        return self.system.vector_field(self.origin + t, y, self.task(t, args))

    def contr(self, t0: Any, t1: Any, **kwargs: Any) -> Any:
        """t1 - t0."""
        del kwargs
        return t1 - t0

    def prod(self, vf: PyTree, control: Any) -> PyTree:
        """The product vf * control."""
        return jax.tree.map(lambda rate: rate * control, vf)
