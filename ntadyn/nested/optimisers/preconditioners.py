"""What is made of a gradient before a momentum accumulates it."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.nested.optimisers.per_matrix import check_rate, check_share, per_matrix, zeros_like


class AbstractPreconditioner(eqx.Module):
    """g -> P(g), perhaps with a memory of earlier gradients."""

    @abc.abstractmethod
    def init(self, params: PyTree) -> Any:
        """The memory at the start."""

    @abc.abstractmethod
    def apply(self, gradient: PyTree, state: Any) -> tuple[PyTree, Any]:
        """P(g), like g, and the memory after it."""


class Unchanged(AbstractPreconditioner):
    """P(g) = g."""

    def init(self, params: PyTree) -> None:
        """None."""
        del params

    def apply(self, gradient: PyTree, state: None) -> tuple[PyTree, None]:
        """The gradient itself."""
        return gradient, state


class RootMeanSquare(AbstractPreconditioner):
    """P(g) = g / sqrt(v + epsilon), v <- b v + (1 - b) g^2, entry by entry.

    With a momentum of retention zero this is `optax.scale_by_rms`, times the learning rate.

    Attributes:
        retention: b.
        epsilon: keeps it finite.

    Raises:
        ValueError: for a retention outside [0, 1], or an epsilon that is not positive.
    """

    retention: float | Array = 0.9
    epsilon: float = 1e-8

    def __check_init__(self):
        check_share("RootMeanSquare: retention", self.retention)
        check_rate("RootMeanSquare: epsilon", self.epsilon)

    def init(self, params: PyTree) -> PyTree:
        """Zeros."""
        return zeros_like(params)

    def apply(self, gradient: PyTree, state: PyTree) -> tuple[PyTree, PyTree]:
        """Gradients over their recent size."""

        def squares(g: Array, v: Array) -> Array:
            kept = jnp.asarray(self.retention, v.dtype)
            return kept * v + (1 - kept) * g**2

        after = jax.tree.map(squares, gradient, state)
        return jax.tree.map(lambda g, v: g / jnp.sqrt(v + self.epsilon), gradient, after), after


class LeftMatrix(AbstractPreconditioner):
    """P(g) = M g for every matrix of parameters; Newton's step, if M inverts a curvature from the left.

    Attributes:
        matrix: M, as many columns as the matrices have rows.
    """

    matrix: Float[Array, "o o"]

    def init(self, params: PyTree) -> None:
        """None.

        Raises:
            ValueError: for parameters with another number of rows.
        """
        for leaf in jax.tree.leaves(params):
            rows = leaf.shape[-2] if leaf.ndim > 1 else 1
            if rows != self.matrix.shape[0]:
                raise ValueError(
                    f"LeftMatrix: {self.matrix.shape} cannot act on parameters of shape {leaf.shape}, "
                    f"which have {rows} rows."
                )

    def apply(self, gradient: PyTree, state: None) -> tuple[PyTree, None]:
        """The product from the left."""
        return per_matrix(lambda g: self.matrix.astype(g.dtype) @ g, gradient), state


class RandomFeatures(AbstractPreconditioner):
    """P(g) = F^T F g / n with F ~ N(0, 1) of n rows: the gradient as n random features of its rows show it.

    The mean over F is the gradient itself; few features make a cheap, noisy metric of low rank.

    Attributes:
        key: draws F.
        number: n.

    Raises:
        ValueError: if there is no feature.
    """

    key: PRNGKeyArray
    number: int = eqx.field(static=True)

    def __check_init__(self):
        if self.number < 1:
            raise ValueError(f"RandomFeatures: number is {self.number}; at least one feature is needed.")

    def init(self, params: PyTree) -> None:
        """None."""
        del params

    def apply(self, gradient: PyTree, state: None) -> tuple[PyTree, None]:
        """The gradient through the features."""

        def through(g: Array) -> Array:
            features = jax.random.normal(self.key, (self.number, g.shape[0]), g.dtype)
            return features.T @ (features @ g) / self.number

        return per_matrix(through, gradient), state


class Mapped(AbstractPreconditioner):
    """P(g) = f(g), any function of one array.

    Attributes:
        function: f.
    """

    function: Callable[[Array], Array] = eqx.field(static=True)

    def init(self, params: PyTree) -> None:
        """None."""
        del params

    def apply(self, gradient: PyTree, state: None) -> tuple[PyTree, None]:
        """F of every array."""
        return jax.tree.map(self.function, gradient), state
