"""Systems that make steps of their own."""

import abc

from jaxtyping import Array, Float, PyTree

from ntadyn.interface.system import AbstractSystem, Task


class AbstractUpdate(AbstractSystem):
    """x <- update(x, task, h): a rule in discrete time, which may draw data and carry a memory.

    The step h is part of the rule, for example a learning rate: it is never divided, and records do not change it.
    """

    @abc.abstractmethod
    def update(self, state: PyTree, task: Task, step: Float[Array, ""]) -> PyTree:
        """The state after one step of length `step`."""

    def ways_to_move(self) -> tuple[tuple[str, ...], ...]:
        """One: by updates."""
        return (("update",),)
