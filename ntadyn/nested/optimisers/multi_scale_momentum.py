"""Multi-scale momentum: one momentum for every step, another one for every chunk of steps."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree

from ntadyn.nested.optimisers.momentum import Rate, rate_at
from ntadyn.nested.optimisers.newton_schulz import orthogonalised
from ntadyn.nested.optimisers.of_methods import of_methods
from ntadyn.nested.optimisers.per_matrix import check_rate, per_matrix, zeros_like


class AbstractAccumulation(eqx.Module):
    """How a coefficient b makes a memory of a sequence of values."""

    @abc.abstractmethod
    def add(self, memory: Array, value: Array, coefficient: float | Array) -> Array:
        """The memory after one value more."""

    @abc.abstractmethod
    def read(self, memory: Array, coefficient: float | Array, number: Int[Array, ""]) -> Array:
        """What the memory says after `number` values."""


class Averages(AbstractAccumulation):
    """m <- b m + (1 - b) x, read as m / (1 - b^n): an average that forgets, corrected for its start at zero."""

    def add(self, memory: Array, value: Array, coefficient: float | Array) -> Array:
        """See the class."""
        kept = jnp.asarray(coefficient, memory.dtype)
        return kept * memory + (1 - kept) * value

    def read(self, memory: Array, coefficient: float | Array, number: Int[Array, ""]) -> Array:
        """See the class."""
        missing = jnp.asarray(coefficient, memory.dtype) ** number.astype(memory.dtype)
        return memory / jnp.where(number > 0, 1 - missing, 1)


class Sums(AbstractAccumulation):
    """m <- m + b x, read as it is, as the algorithm is printed: nothing is forgotten.

    Second moments grow without bound, so that the effective learning rate falls like one over the square root of time.
    """

    def add(self, memory: Array, value: Array, coefficient: float | Array) -> Array:
        """See the class."""
        return memory + jnp.asarray(coefficient, memory.dtype) * value

    def read(self, memory: Array, coefficient: float | Array, number: Int[Array, ""]) -> Array:
        """See the class."""
        del coefficient, number
        return memory


class MultiScaleState(NamedTuple):
    """What multi-scale momentum carries along.

    Attributes:
        fast: M_1, of gradients.
        slow: M_2, of sums of gradients over whole chunks.
        squares: V, of squared gradients.
        chunk: the sum of gradients of the chunk so far.
        count: steps taken.
    """

    fast: PyTree
    slow: PyTree
    squares: PyTree
    chunk: PyTree
    count: Int[Array, ""]


class MultiScaleMomentum(eqx.Module):
    """W <- W - eta (sigma(M_1) + alpha sigma(M_2)) / (sqrt(V) + epsilon): three memories on two clocks.

    M_1 and V take in every gradient, M_2 the sum of the gradients of a chunk when the chunk is over: it acts from the
    next chunk on.

    Attributes:
        learning_rate: eta, a number or a schedule.
        fast: b_1, the coefficient of M_1.
        slow: b_3, that of M_2.
        squares: b_2, that of V.
        share: alpha.
        chunk: C, steps per chunk.
        accumulation: what coefficients mean; averages that forget, or sums as printed.
        read_out: sigma, from matrices to matrices of the same shape.
        preconditions: whether to divide by the root of V. Division entry by entry undoes what orthogonalisation did.
        epsilon: keeps it finite.

    Raises:
        ValueError: for a rate that is not positive, or a chunk without steps.

    Source: Behrouz et al., arXiv 2512.24695, algorithm 1 (M3), whose coefficients and sign differ from its equation 75;
    `Sums` is as printed, `Averages` is ours.
    """

    learning_rate: Rate
    fast: float | Array = 0.95
    slow: float | Array = 0.9
    squares: float | Array = 0.999
    share: float | Array = 0.5
    chunk: int = eqx.field(static=True, default=32)
    accumulation: AbstractAccumulation = Averages()
    read_out: Callable[[Array], Array] = eqx.field(static=True, default=orthogonalised)
    preconditions: bool = eqx.field(static=True, default=True)
    epsilon: float = 1e-8

    def __check_init__(self):
        check_rate("MultiScaleMomentum: learning_rate", self.learning_rate)
        if self.chunk < 1:
            raise ValueError(f"MultiScaleMomentum: chunk is {self.chunk}; a chunk has one step at least.")

    def transformation(self) -> optax.GradientTransformation:
        """The rule as a transformation whose updates are added to the parameters."""
        return of_methods(self._init, self._update)

    def _init(self, params: PyTree) -> MultiScaleState:
        zeros = zeros_like(params)
        return MultiScaleState(zeros, zeros, zeros, zeros, jnp.zeros((), jnp.int32))

    def _update(self, updates: PyTree, state: Any, params: PyTree = None) -> tuple[PyTree, MultiScaleState]:
        del params
        added, count, chunks = self.accumulation.add, state.count + 1, state.count // self.chunk
        fast = jax.tree.map(lambda m, g: added(m, g, self.fast), state.fast, updates)
        squares = jax.tree.map(lambda v, g: added(v, g**2, self.squares), state.squares, updates)
        rate = rate_at(self.learning_rate, state.count)

        def step(fast: Array, slow: Array, squares: Array) -> Array:
            read = self.accumulation.read
            share, eta = (jnp.asarray(number, fast.dtype) for number in (self.share, rate))
            quick, steady = (self.read_out(m) for m in (read(fast, self.fast, count), read(slow, self.slow, chunks)))
            direction = quick + share * steady
            if self.preconditions:
                direction = direction / (jnp.sqrt(read(squares, self.squares, count)) + self.epsilon)
            return -eta * direction

        moved = per_matrix(step, fast, state.slow, squares)
        whole = jax.tree.map(jnp.add, state.chunk, updates)
        over = count % self.chunk == 0
        slow = jax.tree.map(lambda m, sum_: jnp.where(over, added(m, sum_, self.slow), m), state.slow, whole)
        chunk = jax.tree.map(lambda sum_: jnp.where(over, jnp.zeros_like(sum_), sum_), whole)
        return moved, MultiScaleState(fast, slow, squares, chunk, count)


def unread(matrix: Any) -> Any:
    """The read-out that does nothing."""
    return matrix
