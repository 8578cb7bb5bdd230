"""Momentum that is a network: a small perceptron per matrix of parameters, trained on gradients."""

import abc
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ntadyn.nested.optimisers.momentum import Rate, rate_at
from ntadyn.nested.optimisers.of_methods import of_methods
from ntadyn.nested.optimisers.per_matrix import check_rate, check_share, per_matrix
from ntadyn.nested.optimisers.preconditioners import AbstractPreconditioner, RootMeanSquare


class GradientMemory(eqx.Module):
    """m(r) = B phi(A r) for every row r of a gradient.

    Attributes:
        first: A, shape (hidden, inputs); in stacks with the leading axes of the parameters.
        second: B, shape (inputs, hidden), likewise.
    """

    first: Float[Array, "*stack h i"]
    second: Float[Array, "*stack i h"]

    def __call__(self, rows: Float[Array, "o i"], activation: Callable[[Array], Array]) -> Float[Array, "o i"]:
        """M of every row."""
        return activation(rows @ self.first.T) @ self.second.T


class AbstractMemoryObjective(eqx.Module):
    """What the memory of a deep momentum descends, given its answers and the values that it should negate."""

    @abc.abstractmethod
    def __call__(self, answers: Float[Array, "o i"], values: Float[Array, "o i"]) -> Float[Array, ""]:
        """l, the mean over rows."""


class Regression(AbstractMemoryObjective):
    """l = mean 1/2 |m(r) + P r|^2: the memory comes to answer -P r, and amortises the preconditioner P."""

    def __call__(self, answers: Float[Array, "o i"], values: Float[Array, "o i"]) -> Float[Array, ""]:
        """See the class."""
        return 0.5 * jnp.sum((answers + values) ** 2) / answers.shape[0]


class DotProduct(AbstractMemoryObjective):
    """l = mean <m(r), P r>: with a linear memory, the gradient times its own covariance, which worsens conditioning."""

    def __call__(self, answers: Float[Array, "o i"], values: Float[Array, "o i"]) -> Float[Array, ""]:
        """See the class."""
        return jnp.sum(answers * values) / answers.shape[0]


class Ones(AbstractMemoryObjective):
    """l = mean <m(r), 1>, as equation 23 is printed: its slope is the same whichever way the gradient points.

    Here to be looked at, not to be used; a `UserWarning` says so.
    """

    def __check_init__(self):
        warnings.warn(
            "the objective Ones is blind to the sign of the gradient: use Regression() or DotProduct().", stacklevel=2
        )

    def __call__(self, answers: Float[Array, "o i"], values: Float[Array, "o i"]) -> Float[Array, ""]:
        """See the class."""
        del values
        return jnp.sum(answers) / answers.shape[0]


class DeepMomentumState(NamedTuple):
    """What deep momentum carries along.

    Attributes:
        memories: in place of every array of the parameters, a `GradientMemory` (one per matrix of a stack).
        preconditioner: the state of the preconditioner.
        count: steps taken.
    """

    memories: PyTree
    preconditioner: Any
    count: Int[Array, ""]


class DeepMomentum(eqx.Module):
    """theta <- a theta - eta' dl/dtheta, W <- W + eta m_theta(u), with u = sqrt(o) g / |g|_F for a matrix of o rows.

    No claim is made that this is better than anything. Its best answer to the default objective is -P u: it can only
    amortise a preconditioner that is there already.

    Attributes:
        learning_rate: eta, a number or a schedule.
        key: draws A, entries N(0, 1/i); B starts at zero.
        objective: l.
        preconditioner: P, which makes values P(u) of the rows, whatever the size of the gradient is.
        memory_rate: eta'.
        retention: a in [0, 1], of the memory's parameters.
        hidden: hidden units, at most as many as a row is long.
        activation: phi.
        learns_first: whether A learns; if not, it stays as it is drawn, and is not multiplied by a either.
        keeps_size: whether an answer is scaled by |g|_F / sqrt(o), so that it is as large as the gradient.

    Raises:
        ValueError: for rates that are not positive, a retention outside [0, 1], or no hidden unit.

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equation 23, with gradients in place of constant values.
    """

    learning_rate: Rate
    key: PRNGKeyArray
    objective: AbstractMemoryObjective = Regression()
    preconditioner: AbstractPreconditioner = RootMeanSquare()
    memory_rate: float | Array = 0.05
    retention: float | Array = 0.99
    hidden: int = eqx.field(static=True, default=32)
    activation: Callable[[Array], Array] = eqx.field(static=True, default=jnp.tanh)
    learns_first: bool = eqx.field(static=True, default=True)
    keeps_size: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_rate("DeepMomentum: learning_rate", self.learning_rate)
        check_rate("DeepMomentum: memory_rate", self.memory_rate)
        check_share("DeepMomentum: retention", self.retention)
        if self.hidden < 1:
            raise ValueError(f"DeepMomentum: hidden is {self.hidden}; a memory needs one hidden unit at least.")

    def transformation(self) -> optax.GradientTransformation:
        """The rule as a transformation whose updates are added to the parameters."""
        return of_methods(self._init, self._update)

    def _init(self, params: PyTree) -> DeepMomentumState:
        leaves, form = jax.tree.flatten(params)
        keys = jax.random.split(self.key, max(len(leaves), 1))
        memories = [self._memory(key, leaf) for key, leaf in zip(keys, leaves, strict=False)]
        return DeepMomentumState(
            jax.tree.unflatten(form, memories), self.preconditioner.init(params), jnp.zeros((), jnp.int32)
        )

    def _memory(self, key: PRNGKeyArray, leaf: Array) -> GradientMemory:
        *stack, _, width = (1, 1, *leaf.shape)[-max(leaf.ndim, 2) :]
        hidden = min(self.hidden, width)
        first = jax.random.normal(key, (*stack, hidden, width), leaf.dtype) / width**0.5
        return GradientMemory(first, jnp.zeros((*stack, width, hidden), leaf.dtype))

    def _update(self, updates: PyTree, state: Any, params: PyTree = None) -> tuple[PyTree, DeepMomentumState]:
        del params
        keys = per_matrix(lambda g: g / _per_row(g), updates)
        values, after = self.preconditioner.apply(keys, state.preconditioner)
        rate = rate_at(self.learning_rate, state.count)
        leaves, form = jax.tree.flatten(updates)
        of_leaves = (leaves, jax.tree.leaves(keys), jax.tree.leaves(values), form.flatten_up_to(state.memories))
        found = [self._one(*arrays, rate) for arrays in zip(*of_leaves, strict=True)]
        moved, learned = (jax.tree.unflatten(form, [pair[part] for pair in found]) for part in (0, 1))
        return moved, DeepMomentumState(learned, after, state.count + 1)

    def _one(
        self, gradient: Array, key: Array, value: Array, memory: GradientMemory, rate: Any
    ) -> tuple[Array, GradientMemory]:
        """The update of one array and its memory after it."""

        def of_matrix(g: Array, rows: Array, value: Array, memory: GradientMemory) -> tuple[Array, GradientMemory]:
            slope = jax.grad(lambda memory: self.objective(memory(rows, self.activation), value))(memory)
            kept, speed = (jnp.asarray(number, g.dtype) for number in (self.retention, self.memory_rate))
            learned = jax.tree.map(lambda theta, down: kept * theta - speed * down, memory, slope)
            if not self.learns_first:
                learned = GradientMemory(memory.first, learned.second)
            answer = learned(rows, self.activation) * jnp.asarray(rate, g.dtype)
            return answer * _per_row(g) if self.keeps_size else answer, learned

        shape, mapped = gradient.shape, of_matrix
        for _ in shape[:-2]:
            mapped = jax.vmap(mapped)
        if len(shape) > 1:
            return mapped(gradient, key, value, memory)
        answer, learned = of_matrix(gradient.reshape(1, -1), key.reshape(1, -1), value.reshape(1, -1), memory)
        return answer.reshape(shape), learned


def _per_row(matrix: Float[Array, "o i"]) -> Float[Array, ""]:
    """|g|_F / sqrt(o), the size of a typical row; one for a gradient of zero."""
    size: Any = jnp.sqrt(jnp.sum(matrix**2) / matrix.shape[0])
    return jnp.where(size > 0, size, 1)
