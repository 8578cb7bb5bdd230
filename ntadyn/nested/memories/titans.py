"""Titans: any network as a memory, written by gradient descent with momentum while it is used.

Source: Behrouz et al. 2024 (arXiv 2501.00663), equations 8 to 14, whose 1 - alpha is our retention.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.nested.memories.linear import Key, Scalar, Value, squared_error
from ntadyn.nested.memories.proximal import Objective, inner_product, proximal
from ntadyn.nested.memories.rule import AbstractRule


class MatrixMemory(eqx.Module):
    """M(q) = M q.

    Attributes:
        matrix: M, shape (e, d).
    """

    matrix: Float[Array, "e d"]

    def __call__(self, query: Key) -> Value:
        """M q."""
        return self.matrix @ query


class TwoLayerMemory(eqx.Module):
    """M(q) = B phi(A q).

    Attributes:
        inner: A, shape (h, d).
        outer: B, shape (e, h).
        activation: phi, entry by entry.
    """

    inner: Float[Array, "h d"]
    outer: Float[Array, "e h"]
    activation: Callable[[Array], Array] = eqx.field(static=True, default=jax.nn.gelu)

    @classmethod
    def initialise(cls, key: PRNGKeyArray, key_size: int, hidden_size: int, value_size: int) -> "TwoLayerMemory":
        """Normal entries of variance 1 / d in A and 1 / h in B.

        Args:
            key: of the random numbers.
            key_size: d.
            hidden_size: h.
            value_size: e.
        """
        of_inner, of_outer = jax.random.split(key)
        inner = jax.random.normal(of_inner, (hidden_size, key_size)) / key_size**0.5
        return cls(inner, jax.random.normal(of_outer, (value_size, hidden_size)) / hidden_size**0.5)

    def __call__(self, query: Key) -> Value:
        """B phi(A q)."""
        return self.outer @ self.activation(self.inner @ query)


class TitansState(eqx.Module):
    """A memory and its momentum.

    Attributes:
        memory: M, a callable tree of arrays from queries (d,) to answers (e,).
        momentum: S, a tree like the memory.
    """

    memory: PyTree
    momentum: PyTree


class TitansRetention(eqx.Module):
    """What is kept of both parts of a `TitansState`, each from 0 (nothing) to 1 (all); with a leading axis, per token.

    Attributes:
        memory: a.
        momentum: theta; without momentum, 0.
    """

    memory: Float[Array, "*t"]
    momentum: Float[Array, "*t"]


class Titans(AbstractRule):
    """S <- theta S - b g, then M <- a M + S, with g the gradient of 1/2 |M(k) - v|^2 at the old M.

    Without momentum (theta = 0) and with a matrix as memory it is `GatedDelta`; if nothing is forgotten either (a = 1),
    `Delta`. Each write is the exact minimiser of b <g, M> + 1/2 |M - a M_t - theta S_t|^2: of the linearised loss.

    Attributes:
        max_gradient_norm: g is shortened to this length where it is longer, because memories of several layers diverge
            on large errors; None leaves it as it is.

    Raises:
        ValueError: if that length is not positive.
    """

    max_gradient_norm: float | None = eqx.field(static=True, default=1.0)

    def __check_init__(self):
        if self.max_gradient_norm is not None and not self.max_gradient_norm > 0:
            raise ValueError(
                f"Titans: max_gradient_norm is {self.max_gradient_norm}; it must be positive, or None for gradients of "
                f"any length."
            )

    def initial_state(self, memory: PyTree) -> TitansState:
        """A memory as it is given, at rest.

        Args:
            memory: a callable tree of arrays, such as `MatrixMemory` or `TwoLayerMemory`.
        """
        return TitansState(memory, jax.tree.map(jnp.zeros_like, memory))

    def read(self, state: TitansState, query: Key) -> Value:
        """M(q)."""
        return state.memory(query)

    def loss(self, answer: Value, value: Value) -> Scalar:
        """1/2 |answer - v|^2."""
        return squared_error(answer, value)

    def write(self, state: TitansState, key: Key, value: Value, retention: Any, rate: Scalar) -> TitansState:
        """S <- theta S - b g, then M <- a M + S; see `AbstractRule.write`.

        Raises:
            ValueError: if the retention is no `TitansRetention`.
        """
        retention = _of_both(retention)
        slope = self._slope(state, key, value)
        momentum = jax.tree.map(lambda old, new: retention.momentum * old - rate * new, state.momentum, slope)
        memory = jax.tree.map(lambda old, change: retention.memory * old + change, state.memory, momentum)
        return TitansState(memory, momentum)

    def proximal_objective(self, state: TitansState, key: Key, value: Value, retention: Any, rate: Scalar) -> Objective:
        """N -> b <g, N> + 1/2 |N - a M - theta S|^2, a function of the memory without its momentum."""
        retention = _of_both(retention)
        anchor = jax.tree.map(
            lambda old, moving: retention.memory * old + retention.momentum * moving, state.memory, state.momentum
        )
        slope = self._slope(state, key, value)
        return proximal(lambda other: inner_product(slope, other), anchor, rate)

    def _slope(self, state: TitansState, key: Key, value: Value) -> PyTree:
        slope = jax.grad(lambda memory: squared_error(memory(key), value))(state.memory)
        if self.max_gradient_norm is None:
            return slope
        longest = self.max_gradient_norm
        # The square root never sees a zero, at which its derivative is infinite.
        shorter = longest / jnp.sqrt(jnp.maximum(inner_product(slope, slope), longest**2))
        return jax.tree.map(lambda leaf: shorter * leaf, slope)


def _of_both(retention: Any) -> TitansRetention:
    if not isinstance(retention, TitansRetention):
        raise ValueError(
            f"Titans needs what is kept of its memory and of its momentum, and was given {retention!r}; give "
            f"TitansRetention(memory, momentum)."
        )
    return retention
