"""A learning system under a curriculum, as Diffrax sees it."""

from typing import Any

import diffrax
import jax
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.dynamics.system import AbstractSystem
from ntadyn.tasks.curricula import AbstractCurriculum


class LearningTerm(diffrax.AbstractTerm):
    """dy/dt = system.vector_field(t, y, task), the task being that of block `args` at time t.

    The block is an argument and is never computed from the time inside the field: at a switch the last stage of a step
    would otherwise see the next task. Any Diffrax solver takes this term; `Splitting` and `Descent` also reach through
    it to the system.

    Attributes:
        system: the rule.
        curriculum: which task when.
    """

    system: AbstractSystem
    curriculum: AbstractCurriculum

    def task(self, t: Float[Array, ""], block: Int[Array, ""]) -> Float[Array, " m"]:
        """The mixture weights over teachers in force at time t of this block."""
        return self.curriculum.weights(block, t)

    def vf(self, t: Any, y: PyTree, args: Int[Array, ""]) -> PyTree:
        """The vector field."""
        return self.system.vector_field(t, y, self.task(t, args))

    def contr(self, t0: Any, t1: Any, **kwargs: Any) -> Any:
        """t1 - t0."""
        del kwargs
        return t1 - t0

    def prod(self, vf: PyTree, control: Any) -> PyTree:
        """The product vf * control."""
        return jax.tree.map(lambda rate: rate * control, vf)
