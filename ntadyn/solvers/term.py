"""A learning system under a curriculum, as Diffrax sees it."""

from typing import Any

import diffrax
import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, Int, PyTree

from ntadyn.interface.flow import AbstractFlow
from ntadyn.interface.system import Task
from ntadyn.tasks.curriculum import AbstractCurriculum


class LearningTerm(diffrax.AbstractTerm):
    """dy/dt = system.vector_field(t, x, task), the task being that of block `args` at time t.

    A solver steps y, the part of the state x that flows; what is carried along is put beside it wherever the system is
    asked.

    The block is an argument and is never computed from the time inside the field: at a switch the last stage of a step
    would otherwise see the next task. Any Diffrax solver takes this term; `Splitting` also reaches through it to the
    system.

    A solver takes the length of a step from the difference of two times, which late in a run has lost its digits, in
    single precision all of them. So its clock starts anew at every step, and the term knows when that was.

    Attributes:
        system: the rule.
        curriculum: which task when.
        carried: what of the state does not flow, None where something does.
        origin: t at zero on the clock of the solver.
    """

    system: AbstractFlow
    curriculum: AbstractCurriculum
    carried: PyTree
    origin: Float[ArrayLike, ""] = 0.0

    @classmethod
    def of(cls, system: AbstractFlow, curriculum: AbstractCurriculum, state: PyTree) -> tuple["LearningTerm", PyTree]:
        """The term, and the part of the state that flows."""
        moving, carried = eqx.partition(state, system.flowing(state))
        return cls(system, curriculum, carried), moving

    def starting_at(self, t: Float[Array, ""]) -> "LearningTerm":
        """The same for a solver whose clock starts at t."""
        return LearningTerm(self.system, self.curriculum, self.carried, t)

    def task(self, t: Float[Array, ""], block: Int[Array, ""]) -> Task:
        """What is in force at time t of the clock, in this block."""
        return self.curriculum.task(block, self.origin + t)

    def whole(self, y: PyTree) -> PyTree:
        """The state whose flowing part is y."""
        return eqx.combine(y, self.carried)

    def flowing(self, state: PyTree) -> PyTree:
        """The part of a state that flows."""
        return eqx.filter(state, self.system.flowing(state))

    def vf(self, t: Any, y: PyTree, args: Int[Array, ""]) -> PyTree:
        """The vector field."""
        state = self.whole(y)
        field = self.system.vector_field(self.origin + t, state, self.task(t, args))
        return eqx.filter(field, self.system.flowing(state))

    def contr(self, t0: Any, t1: Any, **kwargs: Any) -> Any:
        """t1 - t0."""
        del kwargs
        return t1 - t0

    def prod(self, vf: PyTree, control: Any) -> PyTree:
        """The product vf * control."""
        return jax.tree.map(lambda rate: rate * control, vf)
