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
    """dy/dt = system.vector_field(t, x, task), where the task is that of block `args` at time t.

    A solver steps y, the part of the state x that flows; the part that is carried along is added whenever the system is
    called.

    The block is an argument, and never computed from the time inside the field: at a switch, the last stage of a step
    would otherwise see the next task. Any Diffrax solver takes this term; `Splitting` also reaches through it to the
    system.

    A solver computes the length of a step as the difference of two times, which late in a run has lost digits, and in
    single precision all of them. So its clock starts anew at every step, and the term knows when that was.

    Attributes:
        system: the rule.
        curriculum: which task is in force when.
        carried: the part of the state that does not flow, None in place of what flows.
        origin: t at zero on the clock of the solver.
    """

    system: AbstractFlow
    curriculum: AbstractCurriculum
    carried: PyTree
    origin: Float[ArrayLike, ""] = 0.0

    @classmethod
    def of(cls, system: AbstractFlow, curriculum: AbstractCurriculum, state: PyTree) -> tuple["LearningTerm", PyTree]:
        """The term for a state, and the part of the state that flows."""
        moving, carried = eqx.partition(state, system.flowing(state))
        return cls(system, curriculum, carried), moving

    def starting_at(self, t: Float[Array, ""]) -> "LearningTerm":
        """The same term for a solver whose clock starts at t."""
        return LearningTerm(self.system, self.curriculum, self.carried, t)

    def task(self, t: Float[Array, ""], block: Int[Array, ""]) -> Task:
        """The task in force at time t of the clock, in this block."""
        return self.curriculum.task(block, self.origin + t)

    def whole(self, y: PyTree) -> PyTree:
        """The state whose flowing part is y."""
        return eqx.combine(y, self.carried)

    def flowing(self, state: PyTree) -> PyTree:
        """The part of a state that flows."""
        return eqx.filter(state, self.system.flowing(state))

    def vf(self, t: Any, y: PyTree, args: Int[Array, ""]) -> PyTree:
        """The vector field of the part that flows."""
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
