"""What every associative memory has: a state, a loss of its own, one write per token, and reads."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from ntadyn.nested.memories.proximal import Objective


class AbstractRule(eqx.Module):
    """How a memory takes in one pair of key and value, and how it answers a query.

    A memory is a model that is trained while it is used: every write is a step down a loss, the *objective*, which asks
    that the answer to the key be the value. A rule holds no state; it is given one and returns the next.

    `retention` multiplies what is there already: 1 keeps all, 0 forgets all; None keeps all and costs nothing.
    """

    @abc.abstractmethod
    def read(self, state: PyTree, query: Float[Array, " d"]) -> Float[Array, " e"]:
        """The answer to a query; changes nothing."""

    @abc.abstractmethod
    def loss(self, answer: Float[Array, " e"], value: Float[Array, " e"]) -> Float[Array, ""]:
        """How bad an answer to a key is, given its value."""

    @abc.abstractmethod
    def write(
        self,
        state: PyTree,
        key: Float[Array, " d"],
        value: Float[Array, " e"],
        retention: Any,
        rate: Float[Array, ""],
    ) -> PyTree:
        """The state after one pair has been written.

        Args:
            state: of the memory, before.
            key: under which to store, shape (d,).
            value: what to store, shape (e,).
            retention: what is kept of the old state, from 0 to 1, or None for all of it.
            rate: the step size of the write, at least 0; 1 stores a pair as it is.
        """

    @abc.abstractmethod
    def proximal_objective(
        self,
        state: PyTree,
        key: Float[Array, " d"],
        value: Float[Array, " e"],
        retention: Any,
        rate: Float[Array, ""],
    ) -> Objective:
        """A function of the parameters of the memory whose exact minimiser is what `write` makes of them."""

    def objective(self, state: PyTree, key: Float[Array, " d"], value: Float[Array, " e"]) -> Float[Array, ""]:
        """The loss that a write of this pair descends, as it stands."""
        return self.loss(self.read(state, key), value)
